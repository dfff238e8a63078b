//! `/v1/books/{book}/cuts`.

use core_nostd::{book::BookKind, ciphersuite::Ristretto255Sha512};
use host_api as api;

use crate::fixtures::{Keys, Server, Writer, append, book};

#[test]
fn cuts_are_kept_once_and_numbered_in_their_chain() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let mut cuts = Vec::new();
    for _ in 0..2 {
        server.post(
            &keys.path("/entries"),
            &append(writer.entries(&keys, &[1, 2, 3, 4])),
        );
        let cut = writer.cut(&keys);
        assert_eq!(server.post(&keys.path("/cuts"), &cut).status, 201);
        assert_eq!(server.post(&keys.path("/cuts"), &cut).status, 200);
        cuts.push(cut);
    }
    let list: api::Cuts = server.get(&keys.path("/cuts")).ok();
    let numbered: Vec<_> = list
        .cuts
        .into_iter()
        .map(|cut| (cut.number, cut.cut))
        .collect();
    assert_eq!(numbered, [(1, cuts[0].clone()), (2, cuts[1].clone())]);
}

#[test]
fn a_cut_that_is_none_or_contradicts_is_refused() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let path = keys.path("/cuts");
    server.post(
        &keys.path("/entries"),
        &append(writer.entries(&keys, &[1, 2, 3, 4])),
    );
    let cut = writer.cut(&keys);

    server
        .post(
            &path,
            &api::Cut {
                position: 0,
                ..cut.clone()
            },
        )
        .problem(409, "bad-cut");
    server
        .post(
            &path,
            &api::Cut {
                mac: None,
                ..cut.clone()
            },
        )
        .problem(409, "bad-cut");
    let short = api::Cut {
        mac: Some(vec![1; 15].into()),
        ..cut.clone()
    };
    server.post(&path, &short).problem(409, "bad-cut");
    server
        .post(
            &path,
            &api::Cut {
                position: 5,
                ..cut.clone()
            },
        )
        .problem(409, "cut-ahead");
    let stranger = api::Cut {
        writer: Writer::new(2).id.to_string(),
        ..cut.clone()
    };
    server.post(&path, &stranger).problem(409, "cut-ahead");
    let nobody = api::Cut {
        writer: "12".into(),
        ..cut.clone()
    };
    server.post(&path, &nobody).problem(422, "invalid-body");
    assert!(server.get(&path).ok::<api::Cuts>().cuts.is_empty());

    assert_eq!(server.post(&path, &cut).status, 201);
    let other = api::Cut {
        mac: Some(vec![1; 16].into()),
        ..cut
    };
    server.post(&path, &other).problem(409, "cut-conflict");
}

#[test]
fn an_open_book_has_no_cuts() {
    let server = Server::start();
    let keys = Keys::<Ristretto255Sha512>::new("open", BookKind::Open).create(&server);
    let cut = Writer::new(1).cut(&keys);
    server
        .post(&keys.path("/cuts"), &cut)
        .problem(409, "wrong-kind");
}
