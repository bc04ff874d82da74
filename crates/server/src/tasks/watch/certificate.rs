//! Looks at the certificate that clients are shown: the place `tls`.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use edgelatch_registry::format_time;

use super::probe::{Found, Probe};
use super::seen::Seen;
use crate::limits::{HEALTH_DEADLINE, HEALTH_LOOK};
use crate::net::tls::{Life, Tls};

const DAY: u64 = 86_400;
/// Stages of a certificate's life, the last one first: the part of its life that is left, the most that this comes to, and what to call that. Whatever
/// renews certificates does so when a third is left; long ones are not told of for months.
const STAGES: [(u64, u64, &str); 2] = [(8, 7 * DAY, "ends_soon"), (4, 30 * DAY, "ends")];

pub(super) fn probe(tls: Arc<Tls>, seen: Seen) -> Probe {
    let look = move || {
        let now = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        let life = tls.life();
        seen.note(|sight| sight.certificate = life);
        vec![("tls".into(), judge(life, tls.refused(), now))]
    };
    Probe { place: "tls", pause: HEALTH_LOOK, deadline: HEALTH_DEADLINE, look: Box::new(look) }
}

/// `refused` is why the files that lie there now are not used.
fn judge(life: Option<Life>, refused: Option<String>, now: u64) -> Found {
    let found = life.map_or(Found::Fine, |life| by_time(life, now));
    match (found, refused) {
        (found @ Found::Failing(..), _) | (found, None) if life.is_some() => found,
        (_, Some(refused)) => Found::Warning("unreadable", format!("{refused}: the last certificate goes on")),
        _ => {
            Found::Warning("unknown", "the certificate does not say in a form that is known here until when it is valid".into())
        }
    }
}

fn by_time(Life { begins, ends }: Life, now: u64) -> Found {
    let mend = "renew it, and put the new one in its place: it is taken within ten seconds";
    let (said, left) =
        (format!("the certificate, or one of its chain, ends at {}", format_time(ends)), ends.saturating_sub(now));
    if left == 0 {
        return Found::Failing("expired", format!("{said}: no client that looks connects any more: {mend}"));
    }
    if now < begins {
        let detail =
            format!("the certificate, or one of its chain, is valid from {} on: see the clock, or {mend}", format_time(begins));
        return Found::Failing("not_yet_valid", detail);
    }
    let stage = STAGES.iter().find(|(part, most, _)| left <= (ends.saturating_sub(begins) / part).min(*most));
    stage.map_or(Found::Fine, |(.., code)| Found::Warning(code, format!("{said}: {mend}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_of_before_it_ends() {
        let begins = 1_800_000_000;
        let code = |days: u64, left: i64| {
            let ends = begins + days * DAY;
            let found = judge(Some(Life { begins, ends }), None, ends.saturating_add_signed(-left));
            match found {
                Found::Fine => "fine",
                Found::Warning(code, _) | Found::Failing(code, _) => code,
            }
        };
        let day = DAY.cast_signed();
        for (days, left, says) in [
            // Of ninety days, thirty are left when it is renewed.
            (90, 90 * day + 1, "not_yet_valid"),
            (90, 90 * day, "fine"),
            (90, 23 * day, "fine"),
            (90, 22 * day, "ends"),
            (90, 7 * day, "ends_soon"),
            (90, 1, "ends_soon"),
            (90, 0, "expired"),
            (90, -day, "expired"),
            // A long one.
            (398, 31 * day, "fine"),
            (398, 30 * day, "ends"),
            (398, 7 * day + 1, "ends"),
            // One of a week.
            (7, 2 * day, "fine"),
            (7, 42 * 3600, "ends"),
            (7, 21 * 3600, "ends_soon"),
        ] {
            assert_eq!(code(days, left), says, "{days} days, {left} s left");
        }
    }

    #[test]
    fn files_that_cannot_be_used_are_told_of_unless_there_is_worse() {
        let life = |ends| Some(Life { begins: 0, ends });
        let refused = || Some("tls.crt: is not PEM".to_owned());
        for (life, refused, now, says) in [
            (
                life(100),
                refused(),
                10,
                Found::Warning("unreadable", "tls.crt: is not PEM: the last certificate goes on".into()),
            ),
            (life(100), None, 10, Found::Fine),
            (None, refused(), 10, Found::Warning("unreadable", "tls.crt: is not PEM: the last certificate goes on".into())),
        ] {
            assert_eq!(judge(life, refused, now), says);
        }
        assert!(matches!(judge(life(100), refused(), 100), Found::Failing("expired", _)));
        assert!(matches!(judge(None, None, 100), Found::Warning("unknown", _)));
    }
}
