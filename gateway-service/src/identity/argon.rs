//! Argon2id (RFC 9106) in memory that is used again and again: an allocator that gives 19 MiB out a hundred times does
//! not get them back.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use rand::{TryRng, rngs::SysRng};
use shared_types::Secret;
use subtle::ConstantTimeEq;

/// Memory of one hash (OWASP's second choice for Argon2id): 19 MiB.
pub const HASH_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const HASH_PASSES: u32 = 2;
/// Lanes, each of which would be a thread of its own.
pub const HASH_LANES: u32 = 1;
/// Bytes of a hash, and of its salt.
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// The memory of one hash at a time, none before the first.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// The hash of a password, as a PHC string with a salt of its own. Blocking.
    pub fn hash(&mut self, password: &Secret) -> String {
        let salt = random::<SALT_BYTES>();
        let output = self.compute(password, &salt, Version::V0x13, params(), HASH_BYTES);
        phc(&salt, &output.expect("BUG: every password that is let in can be hashed"))
    }

    /// Whether this is the password behind a hash of ours, made with these costs or with earlier ones. Blocking.
    pub fn verify(&mut self, password: &Secret, hash: &str) -> bool {
        let mut right = || {
            let stored = PasswordHash::new(hash).ok().filter(|hash| hash.algorithm == Algorithm::Argon2id.ident())?;
            let (salt, expected) = (stored.salt?, stored.hash?);
            let version = Version::try_from(stored.version?).ok()?;
            let costs = Params::try_from(&stored).ok()?;
            let output = self.compute(password, salt.as_ref(), version, costs, expected.len())?;
            Some(bool::from(output.ct_eq(expected.as_ref())))
        };
        right().unwrap_or(false)
    }

    fn compute(
        &mut self,
        password: &Secret,
        salt: &[u8],
        version: Version,
        costs: Params,
        bytes: usize,
    ) -> Option<Vec<u8>> {
        if self.0.len() < costs.block_count() {
            self.0.resize(costs.block_count(), Block::default());
        }
        let (blocks, mut output) = (costs.block_count(), vec![0; bytes]);
        let argon2 = Argon2::new(Algorithm::Argon2id, version, costs);
        let password = password.expose().as_bytes();
        argon2.hash_password_into_with_memory(password, salt, &mut output, &mut self.0[..blocks]).ok()?;
        Some(output)
    }
}

/// What nobody's password hashes to: to verify one against it takes as long as against a hash that was made, and this one took
/// neither time nor memory.
pub fn hash_of_nobody() -> String {
    phc(&random::<SALT_BYTES>(), &random::<HASH_BYTES>())
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    SysRng.try_fill_bytes(&mut bytes).expect("BUG: an operating system without randomness cannot run a shop");
    bytes
}

fn phc(salt: &[u8], output: &[u8]) -> String {
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params()).expect("BUG: these costs can be written down"),
        salt: Some(Salt::new(salt).expect("BUG: the salt is of a good length")),
        hash: Some(Output::new(output).expect("BUG: the hash is of a good length")),
    };
    phc.to_string()
}

fn params() -> Params {
    Params::new(HASH_MEMORY_KIB, HASH_PASSES, HASH_LANES, Some(HASH_BYTES)).expect("BUG: these costs are allowed")
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher, PasswordVerifier};

    use super::*;

    #[test]
    fn a_hash_is_what_the_library_itself_makes_and_reads() {
        let (mut memory, password) = (Memory::default(), Secret::new("seven green lamps"));
        let hash = memory.hash(&password);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(Argon2::default().verify_password(b"seven green lamps", hash.as_str()).is_ok());
        let earlier = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(20_000, 1, 1, None).expect("costs"));
        let earlier = earlier.hash_password(b"seven green lamps").expect("a hash").to_string();
        assert!(memory.verify(&password, &earlier) && memory.verify(&password, &hash));
        assert!(!memory.verify(&Secret::new("seven green lamp"), &hash));
        for broken in ["", "$argon2id$", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", &hash[..40]] {
            assert!(!memory.verify(&password, broken), "{broken}");
        }
    }

    #[test]
    fn to_verify_against_nobodys_hash_is_as_much_work_as_against_anybodys() {
        let (mut memory, password) = (Memory::default(), Secret::new("seven green lamps"));
        let (nobodys, anybodys) = (hash_of_nobody(), Memory::default().hash(&password));
        assert!(!memory.verify(&password, &nobodys));
        assert_eq!(memory.0.len(), params().block_count(), "it was computed");
        let costs = |hash: &str| hash.rsplitn(3, '$').map(str::len).chain([hash.len()]).collect::<Vec<_>>();
        assert_eq!(costs(&nobodys), costs(&anybodys), "salt, hash and costs are of the same lengths");
        assert!(nobodys.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{nobodys}");
        assert_ne!(nobodys, hash_of_nobody());
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        let (mut memory, password) = (Memory::default(), Secret::new("seven green lamps"));
        assert_ne!(memory.hash(&password), memory.hash(&password));
    }
}
