//! How many requests a client may make: a bucket of tokens for each.
//!
//! A bucket holds up to two seconds' worth of requests and is refilled all the time, so that short
//! bursts pass and a flood does not. A client is an address; an IPv6 client is its network of 64
//! bits, for it has all the addresses in it.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, header::RETRY_AFTER},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::problem::Kind;

/// Requests a second that each client from another machine may make unless told otherwise.
pub const RATE_DEFAULT: u32 = 500;

/// Seconds' worth of requests in a full bucket.
const BURST_SECONDS: f64 = 2.0;
/// Clients remembered before those with full buckets are forgotten.
const CLIENTS_MAX: usize = 10_000;

/// What each client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// As much as the machine can.
    Unlimited,
    /// [`RATE_DEFAULT`] for clients on other machines, no limit for those on this one.
    Default,
    /// So many requests a second, wherever the client is.
    PerSecond(u32),
}

/// The buckets of all clients.
pub(super) struct Limiter {
    rate: Rate,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

/// Requests left, and when that was so.
struct Bucket {
    left: f64,
    at: Instant,
}

/// Refuses a request whose client has made too many.
pub(super) async fn limit(
    State(limiter): State<Arc<Limiter>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let Some(ConnectInfo(peer)) = peer else {
        // Served from no socket, as in a test of the router alone.
        return next.run(request).await;
    };
    match limiter.take(peer.ip(), Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            let seconds = wait.as_secs() + 1;
            let detail = format!("wait {seconds} s, then send fewer at a time");
            let mut response = Kind::TooManyRequests.detail(detail).into_response();
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
    }
}

impl Limiter {
    pub(super) fn new(rate: Rate) -> Arc<Self> {
        Arc::new(Self {
            rate,
            buckets: Mutex::default(),
        })
    }

    /// Takes one request from the client's bucket, or says how long until there is one.
    fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let per_second = match self.rate {
            Rate::Unlimited => return Ok(()),
            Rate::Default if client.is_loopback() => return Ok(()),
            Rate::Default => f64::from(RATE_DEFAULT),
            Rate::PerSecond(rate) => f64::from(rate.max(1)),
        };
        let full = (per_second * BURST_SECONDS).max(1.0);
        let refilled = |bucket: &Bucket| {
            let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.left + elapsed * per_second).min(full)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let client = network(client);
        if buckets.len() >= CLIENTS_MAX && !buckets.contains_key(&client) {
            buckets.retain(|_, bucket| refilled(bucket) < full);
        }
        let bucket = buckets.entry(client).or_insert(Bucket {
            left: full,
            at: now,
        });
        bucket.left = refilled(bucket);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

/// The whole network of an IPv6 client; an IPv4 address however it is written.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_bucket_empties_and_is_refilled() {
        let limiter = Limiter::new(Rate::PerSecond(10));
        let now = Instant::now();
        let client = ip("192.0.2.1");
        for _ in 0..20 {
            assert_eq!(limiter.take(client, now), Ok(()));
        }
        let wait = limiter.take(client, now).expect_err("empty");
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(limiter.take(ip("192.0.2.2"), now), Ok(()), "another client");
        assert_eq!(limiter.take(client, now + wait), Ok(()));
        limiter.take(client, now + wait).expect_err("empty again");
        for _ in 0..20 {
            assert_eq!(limiter.take(client, now + Duration::from_secs(60)), Ok(()));
        }
    }

    #[test]
    fn a_client_has_one_bucket_for_all_its_addresses() {
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::ffff:2")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    }

    #[test]
    fn this_machine_is_spared_unless_a_rate_is_given() {
        let now = Instant::now();
        let spared = Limiter::new(Rate::Default);
        let given = Limiter::new(Rate::PerSecond(1));
        for _ in 0..2 * RATE_DEFAULT {
            assert_eq!(spared.take(ip("127.0.0.1"), now), Ok(()));
            assert_eq!(spared.take(ip("192.0.2.1"), now), Ok(()));
        }
        assert_eq!(spared.take(ip("::1"), now), Ok(()));
        spared.take(ip("192.0.2.1"), now).expect_err("empty");
        for _ in 0..2 {
            assert_eq!(given.take(ip("127.0.0.1"), now), Ok(()));
        }
        given.take(ip("127.0.0.1"), now).expect_err("empty");
    }

    #[test]
    fn idle_clients_are_forgotten() {
        let limiter = Limiter::new(Rate::PerSecond(1));
        let now = Instant::now();
        for client in 0..u32::try_from(CLIENTS_MAX).expect("small") {
            assert_eq!(
                limiter.take(IpAddr::from(client.to_be_bytes()), now),
                Ok(())
            );
        }
        let later = now + Duration::from_secs(60);
        assert_eq!(limiter.take(ip("192.0.2.1"), later), Ok(()));
        assert_eq!(limiter.buckets.lock().expect("not poisoned").len(), 1);
    }
}
