//! The search index: words, filters, pages, and keeping it.

use duban_core::ItemRow;

use super::{all, commit, item, page, write};
use crate::{
    Commit, Entry, EntryKind, INDEX_PROGRESS, Indexed, Indexing, SearchFilter, SearchWords, Store,
};

fn written(case: &str, seq: u64, text: &str) -> Indexed {
    let entry = Entry {
        case: case.to_owned(),
        seq,
        item: Some("x".to_owned()),
        kind: EntryKind::Report,
        unit: "u".to_owned(),
        at: 1,
        title: "起草计划".to_owned(),
        text: text.to_owned(),
    };
    Indexed { entry, names: String::new(), place: "起草计划 历下区".to_owned() }
}

async fn index<S: Store>(store: &S, entries: Vec<Indexed>) {
    let before = store.document(INDEX_PROGRESS).await.unwrap();
    let after = format!("{}.", before.as_deref().unwrap_or_default());
    assert!(store.index(Indexing { entries, before, after }).await.unwrap());
}

/// Positions of the entries found, newest first.
async fn found<S: Store>(store: &S, words: &str, filter: &SearchFilter) -> Vec<u64> {
    let words = SearchWords::parse(words);
    let page = store.search(&words, filter, &page(None, 100)).await.unwrap();
    page.rows.into_iter().map(|entry| entry.seq).collect()
}

/// Two characters or one, a phrase across digits and letters, full-width or not, in any case;
/// what it belongs to helps, but does not find it alone.
pub async fn what_was_written_is_found_by_its_words<S: Store>(store: S) {
    write(&store, commit("a", 0)).await;
    let texts = [
        "督办单第3号已办结",
        "组织约谈，作了记录",
        "ＧＤＰ增长５.2%，完成2022年目标",
        "约谈记录已归档；Meeting minutes",
    ];
    let numbered = (1..).zip(texts);
    index(&store, numbered.map(|(seq, text)| written("a", seq, text)).collect()).await;
    for (words, expected) in [
        ("督办", vec![1]),
        ("约谈", vec![4, 2]),
        ("约谈记录", vec![4]),
        ("记录 约谈", vec![4, 2]),
        ("号", vec![1]),
        ("结", vec![1]),
        ("谈", vec![4, 2]),
        ("第３号", vec![1]),
        ("第3", vec![1]),
        ("gdp 5.2", vec![3]),
        ("2022", vec![3]),
        ("202", vec![]),
        ("年目标", vec![3]),
        ("MEETING", vec![4]),
        ("\"meeting minutes\"", vec![4]),
        ("\"minutes meeting\"", vec![]),
        ("约谈 -归档", vec![2]),
        ("历下区 约谈", vec![4, 2]),
        ("历下区", vec![]),
        ("约谈 市中区", vec![]),
        ("结督", vec![]),
        ("", vec![]),
        ("-约谈", vec![]),
        ("\" OR * NEAR( ' --", vec![]),
    ] {
        assert_eq!(found(&store, words, &SearchFilter::default()).await, expected, "{words}");
    }
}

/// By kind, suite, period, unit, and whether it is closed now, whatever the index had seen.
pub async fn a_search_is_narrowed_by_what_entries_are<S: Store>(store: S) {
    let open = Commit { items: vec![item("a", "x", None)], ..commit("a", 0) };
    write(&store, open).await;
    let mut other = commit("b", 0);
    (other.case.suite, other.case.period) = ("其他".to_owned(), None);
    write(&store, other).await;
    let mut slip = written("a", 2, "督办");
    (slip.entry.kind, slip.entry.unit) = (EntryKind::Slip, "v/1 区".to_owned());
    index(&store, vec![written("a", 1, "督办"), slip, written("b", 3, "督办")]).await;
    let all = SearchFilter::default;
    let kind = Some(EntryKind::Slip);
    let many: Vec<String> = (0..1_000).map(|number| format!("u{number}")).collect();
    let many = [many, vec!["v/1 区".to_owned()]].concat();
    for (filter, expected) in [
        (all(), vec![3, 2, 1]),
        (SearchFilter { kind, ..all() }, vec![2]),
        (SearchFilter { suite: Some("其他".to_owned()), ..all() }, vec![3]),
        (SearchFilter { period: Some("2022".to_owned()), ..all() }, vec![2, 1]),
        (SearchFilter { units: vec!["u".to_owned()], ..all() }, vec![3, 1]),
        (SearchFilter { units: vec!["v/1 区".to_owned()], ..all() }, vec![2]),
        (SearchFilter { units: many, ..all() }, vec![2]),
        (SearchFilter { units: vec!["w".to_owned()], ..all() }, vec![]),
        (SearchFilter { is_closed: Some(false), ..all() }, vec![3, 2, 1]),
        (SearchFilter { is_closed: Some(true), ..all() }, vec![]),
    ] {
        assert_eq!(found(&store, "督办", &filter).await, expected, "{filter:?}");
    }
    let done = ItemRow { status: "done".to_owned(), ..item("a", "x", None) };
    write(&store, Commit { items: vec![done], ..commit("a", 1) }).await;
    let closed = SearchFilter { is_closed: Some(true), ..all() };
    assert_eq!(found(&store, "督办", &closed).await, [2, 1]);
}

/// Its old words find nothing any more, and it keeps its place.
pub async fn an_entry_that_is_indexed_again_replaces_itself<S: Store>(store: S) {
    write(&store, commit("a", 0)).await;
    index(&store, vec![written("a", 1, "督办"), written("a", 2, "督办")]).await;
    for _ in 0..2 {
        index(&store, vec![written("a", 1, "约谈"), written("unknown", 1, "约谈")]).await;
        assert_eq!(found(&store, "督办", &SearchFilter::default()).await, [2]);
        assert_eq!(found(&store, "约谈", &SearchFilter::default()).await, [1]);
    }
    index(&store, vec![written("a", 1, "督办")]).await;
    assert_eq!(found(&store, "督办", &SearchFilter::default()).await, [2, 1]);
    store.clear_index().await.unwrap();
    assert_eq!(found(&store, "督办", &SearchFilter::default()).await, [0; 0]);
    assert_eq!(store.document(INDEX_PROGRESS).await.unwrap(), None);
}

/// Of two who index at once, one is told that the other was first.
pub async fn the_index_goes_on_only_from_where_it_is<S: Store>(store: S) {
    write(&store, commit("a", 0)).await;
    let part = |before: Option<&str>, after: &str| Indexing {
        entries: vec![written("a", 1, after)],
        before: before.map(str::to_owned),
        after: after.to_owned(),
    };
    assert!(store.index(part(None, "一")).await.unwrap());
    assert!(!store.index(part(None, "二")).await.unwrap());
    assert_eq!(found(&store, "二", &SearchFilter::default()).await, [0; 0]);
    assert!(store.index(part(Some("一"), "三")).await.unwrap());
    assert_eq!(store.document(INDEX_PROGRESS).await.unwrap().as_deref(), Some("三"));
    store.clear_index().await.unwrap();
    assert!(!store.index(part(Some("三"), "四")).await.unwrap());
    assert_eq!(store.feed_left(None).await.unwrap(), 1);
    let end = store.feed_end().await.unwrap();
    assert_eq!(store.feed_left(Some(&end)).await.unwrap(), 0);
}

/// Newest first, whatever the size of the page; a short page with a next is gone on from.
pub async fn pages_of_a_search_hand_out_every_entry_once<S: Store>(store: S) {
    write(&store, Commit { items: vec![item("a", "x", None)], ..commit("a", 0) }).await;
    for part in 0..12 {
        let entries = (1..=1_000).map(|number| written("a", part * 1_000 + number, "督办"));
        index(&store, entries.collect()).await;
    }
    let words = SearchWords::parse("督办");
    let any = SearchFilter::default();
    let seqs = all(async |after| store.search(&words, &any, &page(after, 500)).await);
    let seqs: Vec<u64> = seqs.await.into_iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (1..=12_000).rev().collect::<Vec<_>>());
    // Nothing is closed: pages stay empty, and still come to an end.
    let closed = SearchFilter { is_closed: Some(true), ..any };
    let none = all(async |after| store.search(&words, &closed, &page(after, 500)).await);
    assert_eq!(none.await, []);
}
