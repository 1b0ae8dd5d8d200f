//! Logs of random lives that somebody has edited.

use duban_core::{Encoded, encode, verify};

use crate::dice::Dice;
use crate::live;
use crate::seeds::Seed;

fn is_whole(log: &[Encoded]) -> bool {
    verify(log.iter().map(|one| (one.seq, one.text.as_str(), one.hash.as_str()))).is_ok()
}

#[test]
fn an_edited_log_is_found() {
    for number in 1..=6 {
        let world = live(&Seed::whole(number, 25)).unwrap_or_else(|what| panic!("{what}"));
        let mut log: Vec<Encoded> = Vec::new();
        for (event, _) in world.log() {
            let previous = log.last().map_or("", |before| before.hash.as_str());
            log.push(encode(event, previous));
        }
        assert!(is_whole(&log));
        let place = Dice::of(number).below(log.len() - 1);
        let mut edited = log.clone();
        edited[place].text.push(' ');
        assert!(!is_whole(&edited), "a text was edited");
        let mut cut = log.clone();
        cut.remove(place);
        assert!(!is_whole(&cut), "an event was taken out");
        log.swap(place, place + 1);
        assert!(!is_whole(&log), "two events changed places");
    }
}
