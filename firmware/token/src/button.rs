//! Presence with one button and one LED: what most boards have.
//!
//! A short press says yes when the button is let go; holding it for [`DENY_MS`] says no. A press
//! counts only if it began after the question, and a contact that bounces is one press.

use embedded_hal::digital::{InputPin, OutputPin};

use crate::{
    blink::Pattern,
    platform::{Clock, Notice, Presence, Prompt},
};

/// A press of this length or longer says no, in milliseconds.
pub const DENY_MS: u64 = 1_500;

/// The button has to be held for this long from power-on for ceremony mode, in milliseconds.
pub const CEREMONY_MS: u64 = 2_000;

/// A level counts once it has lasted for this long, in milliseconds.
const DEBOUNCE_MS: u64 = 30;

/// The level of a pin at which the button is pressed, or the LED lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// Connected to ground when pressed, or to the supply through the LED.
    Low,
    /// Connected to the supply when pressed, or to ground through the LED.
    High,
}

/// A button, an LED and a clock as [`Presence`].
///
/// The LED shows questions as [`Pattern`]s; between them it is lit in ceremony mode and else dark.
/// Results are not shown: an LED has no room for an amount.
pub struct ButtonAndLed<B, L, C> {
    button: (B, Active),
    led: (L, Active),
    clock: C,
    /// Whether the LED is lit between questions.
    ceremony: bool,
    /// The question, and when it was asked.
    question: Option<(Pattern, u64)>,
    phase: Phase,
    /// What the button last read, and since when.
    pressed: (bool, u64),
}

enum Phase {
    /// The button has to be up before a press can count.
    Rising,
    Up,
    Down {
        since: u64,
    },
    Answered(bool),
}

impl<B: InputPin, L: OutputPin, C: Clock> ButtonAndLed<B, L, C> {
    /// A button and an LED, each with the level of its pin at which it is active.
    pub fn new(button: (B, Active), led: (L, Active), clock: C) -> Self {
        let mut this = Self {
            button,
            led,
            clock,
            ceremony: false,
            question: None,
            phase: Phase::Rising,
            pressed: (false, 0),
        };
        this.light(false);
        this
    }

    /// Whether the button is held from now on for [`CEREMONY_MS`]; returns as soon as it is not.
    ///
    /// To be asked once, after power was applied, before the token is started. If it is, the LED
    /// lights up and stays lit between questions.
    pub fn enters_ceremony(&mut self) -> bool {
        let start = self.clock.now_ms();
        while self.is_pressed() {
            if self.clock.now_ms().saturating_sub(start) >= CEREMONY_MS {
                self.ceremony = true;
                self.light(true);
                return true;
            }
            self.clock.delay_ms(1);
        }
        false
    }

    /// A pin that can't be read is a button that is not pressed.
    fn is_pressed(&mut self) -> bool {
        let (pin, active) = &mut self.button;
        let is_active = match active {
            Active::Low => pin.is_low(),
            Active::High => pin.is_high(),
        };
        is_active.unwrap_or(false)
    }

    fn light(&mut self, on: bool) {
        let (pin, active) = &mut self.led;
        // A pin that can't be set leaves the LED as it is, which says nothing.
        let _ = if on == (*active == Active::High) {
            pin.set_high()
        } else {
            pin.set_low()
        };
    }

    /// Moves on with what the button reads now.
    fn follow_button(&mut self, now: u64) {
        let is_pressed = self.is_pressed();
        if is_pressed != self.pressed.0 {
            self.pressed = (is_pressed, now);
        }
        let (_, changed) = self.pressed;
        let is_steady = now.saturating_sub(changed) >= DEBOUNCE_MS;
        match self.phase {
            Phase::Rising if !is_pressed && is_steady => self.phase = Phase::Up,
            Phase::Up if is_pressed && is_steady => self.phase = Phase::Down { since: changed },
            Phase::Down { since } if now.saturating_sub(since) >= DENY_MS => {
                self.phase = Phase::Answered(false);
            }
            Phase::Down { .. } if !is_pressed && is_steady => self.phase = Phase::Answered(true),
            Phase::Rising | Phase::Up | Phase::Down { .. } | Phase::Answered(_) => {}
        }
    }
}

impl<B: InputPin, L: OutputPin, C: Clock> Presence for ButtonAndLed<B, L, C> {
    fn ask(&mut self, prompt: &Prompt<'_>) {
        let now = self.clock.now_ms();
        self.question = Some((Pattern::from(prompt), now));
        self.phase = Phase::Rising;
        self.pressed = (self.is_pressed(), now);
    }

    fn poll(&mut self) -> Option<bool> {
        let (pattern, asked) = self.question?;
        let now = self.clock.now_ms();
        self.light(pattern.is_on(now.saturating_sub(asked)));
        self.follow_button(now);
        match self.phase {
            Phase::Answered(answer) => Some(answer),
            Phase::Rising | Phase::Up | Phase::Down { .. } => None,
        }
    }

    fn done(&mut self) {
        self.question = None;
        self.light(self.ceremony);
    }

    fn show(&mut self, _: &Notice<'_>) {}
}

#[cfg(test)]
mod tests {
    use core::{cell::Cell, convert::Infallible};

    use embedded_hal::{delay::DelayNs, digital::ErrorType};

    use super::*;

    /// A board on a table: what its pins read, and the time. Low is pressed, high is lit.
    #[derive(Default)]
    struct Table {
        ms: Cell<u64>,
        button: Cell<bool>,
        led: Cell<bool>,
    }

    struct Pin<'a>(&'a Table);
    struct Time<'a>(&'a Table);

    impl ErrorType for Pin<'_> {
        type Error = Infallible;
    }

    impl InputPin for Pin<'_> {
        fn is_high(&mut self) -> Result<bool, Infallible> {
            Ok(!self.0.button.get())
        }

        fn is_low(&mut self) -> Result<bool, Infallible> {
            Ok(self.0.button.get())
        }
    }

    impl OutputPin for Pin<'_> {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.0.led.set(false);
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            self.0.led.set(true);
            Ok(())
        }
    }

    impl Clock for Time<'_> {
        fn now_ms(&mut self) -> u64 {
            self.0.ms.get()
        }
    }

    impl DelayNs for Time<'_> {
        fn delay_ns(&mut self, ns: u32) {
            let ms = u64::from(ns.div_ceil(1_000_000));
            self.0.ms.set(self.0.ms.get() + ms);
        }
    }

    type Panel<'a> = ButtonAndLed<Pin<'a>, Pin<'a>, Time<'a>>;

    fn panel(table: &Table) -> Panel<'_> {
        let (button, led) = ((Pin(table), Active::Low), (Pin(table), Active::High));
        ButtonAndLed::new(button, led, Time(table))
    }

    /// The button reads `pressed` for `ms` milliseconds, and is looked at every ten.
    fn spend(table: &Table, panel: &mut Panel<'_>, pressed: bool, ms: u64) -> Option<bool> {
        table.button.set(pressed);
        let mut answer = None;
        for _ in 0..ms / 10 {
            table.ms.set(table.ms.get() + 10);
            answer = panel.poll();
        }
        answer
    }

    #[test]
    fn a_short_press_says_yes_when_let_go() {
        let table = Table::default();
        let mut panel = panel(&table);
        panel.ask(&Prompt::Provision);
        assert_eq!(spend(&table, &mut panel, false, 500), None);
        assert_eq!(spend(&table, &mut panel, true, 300), None);
        assert_eq!(spend(&table, &mut panel, false, 100), Some(true));
        assert_eq!(spend(&table, &mut panel, false, 5_000), Some(true));
    }

    #[test]
    fn a_long_press_says_no_while_it_lasts() {
        let table = Table::default();
        let mut panel = panel(&table);
        panel.ask(&Prompt::Provision);
        spend(&table, &mut panel, false, 500);
        assert_eq!(spend(&table, &mut panel, true, DENY_MS - 10), None);
        assert_eq!(spend(&table, &mut panel, true, 20), Some(false));
        assert_eq!(spend(&table, &mut panel, false, 500), Some(false));
    }

    #[test]
    fn a_press_that_began_before_the_question_does_not_count() {
        let table = Table::default();
        let mut panel = panel(&table);
        table.button.set(true);
        panel.ask(&Prompt::Wipe);
        assert_eq!(spend(&table, &mut panel, true, 2 * DENY_MS), None);
        assert_eq!(spend(&table, &mut panel, false, 1_000), None);
        spend(&table, &mut panel, true, 200);
        assert_eq!(spend(&table, &mut panel, false, 200), Some(true));
    }

    #[test]
    fn each_question_needs_its_own_press() {
        let table = Table::default();
        let mut panel = panel(&table);
        panel.ask(&Prompt::Wipe);
        spend(&table, &mut panel, false, 100);
        spend(&table, &mut panel, true, 200);
        assert_eq!(spend(&table, &mut panel, false, 100), Some(true));
        panel.done();
        assert_eq!(spend(&table, &mut panel, false, 100), None);
        panel.ask(&Prompt::Wipe);
        assert_eq!(spend(&table, &mut panel, false, 5_000), None);
    }

    #[test]
    fn a_contact_that_bounces_is_one_press_and_a_spike_is_none() {
        let table = Table::default();
        let mut panel = panel(&table);
        panel.ask(&Prompt::Wipe);
        spend(&table, &mut panel, false, 100);
        assert_eq!(spend(&table, &mut panel, true, 20), None);
        assert_eq!(spend(&table, &mut panel, false, 500), None);
        for _ in 0..5 {
            spend(&table, &mut panel, true, 10);
            spend(&table, &mut panel, false, 10);
        }
        assert_eq!(spend(&table, &mut panel, true, 200), None);
        for _ in 0..5 {
            assert_eq!(spend(&table, &mut panel, false, 10), None);
            assert_eq!(spend(&table, &mut panel, true, 10), None);
        }
        assert_eq!(spend(&table, &mut panel, false, 100), Some(true));
    }

    #[test]
    fn the_led_is_dark_between_questions_but_in_ceremony_mode() {
        let table = Table::default();
        let mut panel = panel(&table);
        assert!(!panel.enters_ceremony() && !table.led.get());
        panel.ask(&Prompt::Provision);
        spend(&table, &mut panel, false, 100);
        assert!(table.led.get(), "the pattern begins");
        panel.done();
        assert!(!table.led.get());

        table.button.set(true);
        assert!(panel.enters_ceremony() && table.led.get());
        panel.ask(&Prompt::Provision);
        assert_eq!(spend(&table, &mut panel, true, 800), None);
        assert!(!table.led.get(), "the pattern pauses");
        panel.done();
        assert!(table.led.get());
    }

    #[test]
    fn ceremony_mode_takes_a_button_held_from_the_start() {
        let table = Table::default();
        let mut panel = panel(&table);
        table.button.set(true);
        assert!(panel.enters_ceremony());
        assert!(table.ms.get() >= CEREMONY_MS);
    }
}
