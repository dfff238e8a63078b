//! Sums as group elements: decoded once, added and subtracted, encoded when they are answered.

use std::any::Any;

use core_nostd::{
    ciphersuite::{Ciphersuite, Element, SuiteId, SuiteVisitor},
    error::DecodeError,
    group::Group,
};
use host_kernels::sum::sum_elements;

use crate::ledger::Summand;

/// The sum of `c1`, `c2` and, in an authenticated book, a tag, as validated elements of a suite.
pub struct Sum {
    suite: SuiteId,
    /// A `Vec<Element<S>>` of two or three sums, one for each column of a [`Summand`].
    columns: Box<dyn Any + Send + Sync>,
}

impl Sum {
    /// `Σ rows`, all with a tag or all without.
    ///
    /// # Errors
    /// If an element is no canonical encoding of one, or some rows have a tag and others have none.
    pub fn of(suite: SuiteId, is_tagged: bool, rows: &[Summand]) -> Result<Self, DecodeError> {
        let columns = suite.dispatch(AddUp { is_tagged, rows })?;
        Ok(Self { suite, columns })
    }

    /// `self + other`, of the same suite and kind of book.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.combined(other, false)
    }

    /// `self − other`, of the same suite and kind of book.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.combined(other, true)
    }

    fn combined(&self, other: &Self, subtract: bool) -> Self {
        let (one, other) = (&*self.columns, &*other.columns);
        Self {
            suite: self.suite,
            columns: self.suite.dispatch(Combine {
                one,
                other,
                subtract,
            }),
        }
    }

    /// Canonical encodings.
    #[must_use]
    pub fn to_summand(&self) -> Summand {
        let mut columns = self.suite.dispatch(Encode(&*self.columns)).into_iter();
        let mut next = || columns.next();
        Summand {
            c1: next().unwrap_or_default(),
            c2: next().unwrap_or_default(),
            tag: next(),
        }
    }
}

/// The columns of a sum of this suite.
fn columns<S: Ciphersuite>(columns: &dyn Any) -> &Vec<Element<S>> {
    columns
        .downcast_ref()
        .expect("a book has one suite, and so have all its sums")
}

struct AddUp<'a> {
    is_tagged: bool,
    rows: &'a [Summand],
}

impl SuiteVisitor for AddUp<'_> {
    type Output = Result<Box<dyn Any + Send + Sync>, DecodeError>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let column = |get: &dyn Fn(&Summand) -> Option<&[u8]>| {
            let decode = |row| S::Group::decode(get(row).unwrap_or_default());
            let elements: Vec<Element<S>> =
                self.rows.iter().map(decode).collect::<Result<_, _>>()?;
            Ok::<_, DecodeError>(sum_elements::<S::Group>(&elements))
        };
        let mut columns = vec![column(&|row| Some(&row.c1))?, column(&|row| Some(&row.c2))?];
        if self.is_tagged {
            columns.push(column(&|row| row.tag.as_deref())?);
        }
        Ok(Box::new(columns))
    }
}

struct Combine<'a> {
    one: &'a dyn Any,
    other: &'a dyn Any,
    subtract: bool,
}

impl SuiteVisitor for Combine<'_> {
    type Output = Box<dyn Any + Send + Sync>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let pairs = columns::<S>(self.one).iter().zip(columns::<S>(self.other));
        let combined: Vec<Element<S>> = pairs
            .map(|(one, other)| match self.subtract {
                true => *one - *other,
                false => *one + *other,
            })
            .collect();
        Box::new(combined)
    }
}

struct Encode<'a>(&'a dyn Any);

impl SuiteVisitor for Encode<'_> {
    type Output = Vec<Vec<u8>>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let encode = |element| S::Group::encode(element).as_ref().to_vec();
        columns::<S>(self.0).iter().map(encode).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Multiples<'a>(&'a [i64]);

    impl SuiteVisitor for Multiples<'_> {
        type Output = Vec<Vec<u8>>;

        fn visit<S: Ciphersuite>(self) -> Self::Output {
            let encode = |value: &i64| {
                S::Group::encode(&S::Group::mul_base_i64(*value))
                    .as_ref()
                    .to_vec()
            };
            self.0.iter().map(encode).collect()
        }
    }

    /// Rows of multiples of the generator.
    fn row(suite: SuiteId, values: &[i64]) -> Summand {
        let mut bytes = suite.dispatch(Multiples(values)).into_iter();
        Summand {
            c1: bytes.next().expect("a value"),
            c2: bytes.next().expect("a value"),
            tag: bytes.next(),
        }
    }

    #[test]
    fn sums_add_up_and_subtract_in_every_suite() {
        for suite in SuiteId::ALL {
            for is_tagged in [true, false] {
                let row = |values: [i64; 3]| row(suite, &values[..2 + usize::from(is_tagged)]);
                let sum = |rows: &[Summand]| Sum::of(suite, is_tagged, rows).expect("elements");
                let rows = [[1, 2, 3], [10, -20, 30], [-100, 5, 0]].map(row);
                let all = sum(&rows);
                assert_eq!(all.to_summand(), row([-89, -13, 33]));
                assert_eq!(
                    all.minus(&sum(&rows[..1])).to_summand(),
                    row([-90, -15, 30])
                );
                let again = sum(&rows[..1]).plus(&sum(&rows[1..]));
                assert_eq!(again.to_summand(), all.to_summand());
                assert_eq!(sum(&[]).to_summand(), row([0, 0, 0]));
            }
        }
    }

    #[test]
    fn a_missing_tag_and_bytes_that_are_no_element_are_refused() {
        let suite = SuiteId::Ristretto255;
        let tagless = row(suite, &[1, 2]);
        assert!(Sum::of(suite, true, std::slice::from_ref(&tagless)).is_err());
        let bad = Summand {
            c2: vec![0xff; 32],
            ..tagless
        };
        assert!(Sum::of(suite, false, &[bad]).is_err());
    }
}
