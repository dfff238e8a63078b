//! Checks of API keys.

use std::collections::BTreeSet;

use super::{WORKS, some_writer};
use crate::{
    keys::{ApiKey, KeyHash, KeyId, Scopes},
    store::{Put, Store},
};

/// A key is kept as it is, once, found by its id, listed with the others, and revoked for good.
///
/// # Panics
/// If that is not so.
pub async fn check_keys<S: Store>(store: &S) {
    let all = Scopes {
        read: true,
        post: BTreeSet::from([some_writer(), some_writer()]),
        post_open: true,
        teller: true,
        admin: true,
    };
    let read = Scopes {
        read: true,
        ..Scopes::default()
    };
    let key = |scopes, created_ms| {
        let made = ApiKey::new("Büro \"$1\".", scopes, created_ms);
        made.expect("a name and scopes").1
    };
    let keys = [key(all, 20), key(read, 10)];
    for key in &keys {
        let id = key.id();
        assert_eq!(store.key(&id).await.expect(WORKS), None);
        assert_eq!(store.revoke_key(&id, 30).await.expect(WORKS), None);
        assert_eq!(store.put_key(key).await.expect(WORKS), Put::Stored);
        assert_eq!(store.put_key(key).await.expect(WORKS), Put::Already);
        assert_eq!(store.key(&id).await.expect(WORKS).as_ref(), Some(key));
        let mut other = key.clone();
        other.scopes.admin ^= true;
        assert_eq!(store.put_key(&other).await.expect(WORKS), Put::Conflict);
        assert_eq!(store.key(&id).await.expect(WORKS).as_ref(), Some(key));
    }
    assert_eq!(
        listed(store, &keys).await,
        [keys[1].clone(), keys[0].clone()]
    );

    let mut revoked = keys[0].clone();
    revoked.revoked_ms = Some(30);
    let id = revoked.id();
    for now_ms in [30, 40] {
        let answer = store.revoke_key(&id, now_ms).await.expect(WORKS);
        assert_eq!(answer.as_ref(), Some(&revoked));
    }
    assert_eq!(store.key(&id).await.expect(WORKS).as_ref(), Some(&revoked));
    assert_eq!(
        listed(store, &keys).await,
        [keys[1].clone(), revoked.clone()]
    );
    // Put again it stays revoked.
    assert_eq!(store.put_key(&keys[0]).await.expect(WORKS), Put::Conflict);
    assert_eq!(store.key(&id).await.expect(WORKS), Some(revoked));

    // Another hash with the same first half is another key; there is one of that id.
    let mut twin = keys[1].clone();
    let KeyHash(hash) = &mut twin.hash;
    hash[KeyId::LEN] ^= 1;
    assert_eq!(store.put_key(&twin).await.expect(WORKS), Put::Conflict);
}

/// Those of `keys` that the store lists, in its order.
async fn listed<S: Store>(store: &S, keys: &[ApiKey]) -> Vec<ApiKey> {
    let mut listed = store.keys().await.expect(WORKS);
    listed.retain(|found| keys.iter().any(|key| key.id() == found.id()));
    listed
}
