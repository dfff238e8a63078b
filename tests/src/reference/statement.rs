//! Statements: the header, the context string it becomes, and the proof over it.

use num_bigint::BigUint;

use super::{Field, Reference, ReferenceGroup, dleq, hash};

/// Which entries were opened. Writers come as bytes, beside their positions.
pub enum Scope<'a> {
    /// `(writer, from, to)`.
    Total(Vec<(&'a [u8], u64, u64)>),
    /// The account, and `(writer, last position)`.
    Balance(&'a [u8], Vec<(&'a [u8], Option<u64>)>),
    /// A sum of an open book.
    Open,
}

/// What a statement is bound to.
pub struct Header<'a, G: ReferenceGroup> {
    /// The token's count of statements.
    pub number: u64,
    /// The book.
    pub book: &'a [u8],
    /// `Y`.
    pub y: G::Element,
    /// Number of entries.
    pub count: u64,
    /// Which entries.
    pub scope: Scope<'a>,
    /// `(c1, c2)`.
    pub ciphertext: [G::Element; 2],
    /// `D`.
    pub d: G::Element,
}

impl<G: ReferenceGroup> Reference<G> {
    /// SHA-512 over the fields of a header.
    pub fn header_hash(&self, header: &Header<'_, G>) -> Vec<u8> {
        let encoded = |element| self.group.encode(element);
        let y = encoded(&header.y);
        let [c1, c2] = header.ciphertext.each_ref().map(encoded);
        let d = encoded(&header.d);
        let mut fields = vec![
            Field::Bytes(b"TALLYSTICK-v1-statement"),
            self.suite(),
            Field::Number(header.number),
            Field::Bytes(header.book),
            Field::Bytes(&y),
            Field::Number(header.count),
        ];
        match &header.scope {
            Scope::Total(spans) => {
                fields.extend([1, spans.len() as u64].map(Field::Number));
                for (writer, from, to) in spans {
                    fields.push(Field::Bytes(writer));
                    fields.extend([*from, *to].map(Field::Number));
                }
            }
            Scope::Balance(account, last) => {
                fields.extend([Field::Number(2), Field::Bytes(account)]);
                fields.push(Field::Number(last.len() as u64));
                for (writer, seq) in last {
                    fields.extend([Field::Bytes(writer), (*seq).into()]);
                }
            }
            Scope::Open => fields.push(Field::Number(3)),
        }
        fields.extend([&c1, &c2, &d].map(|bytes| Field::Bytes(bytes)));
        hash::sha512(&hash::encode(&fields))
    }

    /// The proof `log_G Y = log_c1(c2 − D)` with a nonce hedged by `hedge` and `fresh`.
    pub fn prove(
        &self,
        header: &Header<'_, G>,
        x: &BigUint,
        hedge: &[u8; 32],
        fresh: &[u8; 32],
    ) -> [BigUint; 2] {
        let digest = self.header_hash(header);
        let wide = self.hedged(hedge, fresh, b"proof", &[Field::Bytes(&digest)]);
        let r = self.group.integer(&wide) % self.group.order();
        self.with_dleq(header, |statement| {
            dleq::prove(&self.group, statement, x, &r)
        })
    }

    /// Whether the header is one of a release of `m`, and the proof holds.
    pub fn verify(&self, header: &Header<'_, G>, m: i64, proof: &[BigUint; 2]) -> bool {
        let counts = match &header.scope {
            Scope::Total(spans) => {
                let lengths = spans.iter().map(|(_, from, to)| to.checked_sub(*from));
                let sum = lengths.sum::<Option<u64>>();
                sum == Some(header.count) && header.count > 0
            }
            Scope::Balance(..) | Scope::Open => true,
        };
        counts
            && header.ciphertext[0] != self.group.identity()
            && header.d == self.group.base(&self.group.signed(m))
            && self.with_dleq(header, |statement| {
                dleq::verify(&self.group, statement, proof)
            })
    }

    fn with_dleq<R>(
        &self,
        header: &Header<'_, G>,
        f: impl FnOnce(&dleq::Statement<'_, G>) -> R,
    ) -> R {
        let [c1, c2] = &header.ciphertext;
        f(&dleq::Statement {
            a: &self.group.generator(),
            b: &header.y,
            pairs: &[(c1.clone(), self.group.sub(c2, &header.d))],
            context: &[b"TALLYSTICK-v1-", &self.header_hash(header)[..]].concat(),
        })
    }
}
