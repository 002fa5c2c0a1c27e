//! The decisions of one job manager about the lease.
//!
//! Answers for when the file is read, when it is claimed, and whether this process leads. Not for asking the store: what
//! came of each question is told. Moments are milliseconds of a clock of this process that never goes back.
//! Holds: who leads has a claim in the file, and counts from before that was asked for; who stands by counts from after it
//! saw a claim, and a tenth longer. So the one has stopped before the other begins. Who has stopped never leads again.

use serde::{Deserialize, Serialize};

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// Counts leaders, from 1.
    pub(crate) term: u64,
    /// Who leads; nobody, where it was given back.
    pub(crate) holder: Option<String>,
    /// Counts the writes of the holder, tried ones too: no two are the same.
    pub(crate) count: u64,
    /// In milliseconds: silence for longer means that the holder is gone.
    pub(crate) silence: u64,
}

/// What the store is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// What is in the file?
    Read,
    /// Write this, where the file is as it was read or written last.
    Write(Claim),
}

/// What the store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// To a read: this, or that there is no such file.
    Found(Option<Claim>),
    /// To a write: done.
    Won,
    /// To a write: the file is not as it was.
    Refused,
    /// No answer, or none that says what was done.
    Unknown,
}

/// One job manager's part in it.
#[derive(Debug)]
pub(crate) struct Election {
    me: String,
    silence: u64,
    /// Of claims that were tried.
    count: u64,
    part: Part,
    /// When the store was asked last.
    asked: Option<u64>,
}

#[derive(Debug)]
enum Part {
    StandsBy {
        /// What the file said, and since when it has at least.
        seen: Option<(Option<Claim>, u64)>,
        /// Whether the term after that can be taken.
        free: bool,
    },
    Leads {
        term: u64,
        until: u64,
        /// The write that was asked for last, and when, where what came of it is not known.
        doubt: Option<(u64, u64)>,
        /// A write of ours is in the file that is not the last one: the next is due at once.
        due: bool,
    },
    /// It led, or was told to stop.
    Over,
}

impl Election {
    /// Of a process that no other has the name of, and that may be silent for so long while it leads.
    pub(crate) fn new(me: String, silence: u64) -> Self {
        let part = Part::StandsBy { seen: None, free: false };
        Self { me, silence, count: 0, part, asked: None }
    }

    /// The term in which this process leads at this moment.
    pub(crate) fn leads(&self, now: u64) -> Option<u64> {
        match self.part {
            Part::Leads { term, until, .. } if now < until => Some(term),
            _ => None,
        }
    }

    /// Whether it led and never will again.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        match self.part {
            Part::Leads { until, .. } => now >= until,
            Part::StandsBy { .. } => false,
            Part::Over => true,
        }
    }

    /// Who else led when it was looked last.
    pub(crate) fn leader(&self) -> Option<&Claim> {
        match &self.part {
            Part::StandsBy { seen: Some((claim, _)), .. } => claim.as_ref().filter(|it| it.holder.is_some()),
            _ => None,
        }
    }

    /// What to ask next, and when.
    pub(crate) fn next(&mut self, now: u64) -> Option<(u64, Ask)> {
        let after = |pause: u64| self.asked.map_or(now, |asked| asked.saturating_add(pause.max(1)));
        match &self.part {
            Part::Over => None,
            Part::StandsBy { seen: Some((claim, _)), free: true } => {
                let term = claim.as_ref().map_or(0, |claim| claim.term) + 1;
                Some((now, self.claim(term, true)))
            }
            Part::StandsBy { seen: None, .. } => Some((after(self.silence / 20), Ask::Read)),
            Part::StandsBy { seen: Some((claim, _)), .. } => {
                let silence = claim.as_ref().map_or(self.silence, |claim| claim.silence.min(self.silence));
                Some((after(silence / 10), Ask::Read))
            }
            Part::Leads { doubt: Some(_), .. } => Some((after(self.silence / 20), Ask::Read)),
            Part::Leads { term, due: true, .. } => Some((now, self.claim(*term, true))),
            Part::Leads { term, .. } => Some((after(self.silence / 4), self.claim(*term, true))),
        }
    }

    fn claim(&self, term: u64, held: bool) -> Ask {
        let holder = held.then(|| self.me.clone());
        Ask::Write(Claim { term, holder, count: self.count + 1, silence: self.silence })
    }

    /// The store was asked: told before its answer, so that nothing is asked twice with one number.
    pub(crate) fn asks(&mut self, now: u64, ask: &Ask) {
        self.asked = Some(now);
        if let Ask::Write(claim) = ask {
            self.count = claim.count;
            if let Part::Leads { doubt, due, .. } = &mut self.part {
                *doubt = Some((claim.count, now));
                *due = false;
            }
        }
    }

    /// What came of a question that was asked at `asked`.
    pub(crate) fn answered(&mut self, asked: u64, now: u64, ask: &Ask, answer: Answer) {
        if self.is_over(now) {
            self.part = Part::Over;
            return;
        }
        match (&mut self.part, ask, answer) {
            (Part::StandsBy { .. }, Ask::Read, Answer::Found(found)) => self.look(asked, now, found),
            (Part::StandsBy { .. }, Ask::Write(claim), Answer::Won) if now < asked + self.silence => {
                let until = asked + self.silence;
                self.part = Part::Leads { term: claim.term, until, doubt: None, due: false };
            }
            // Won too late, lost, or unknown: what is in the file now is looked at as if another had written it.
            (Part::StandsBy { seen, free }, Ask::Write(_), _) => (*seen, *free) = (None, false),
            (Part::Leads { until, doubt, .. }, Ask::Write(_), Answer::Won) => {
                *until = asked + self.silence;
                *doubt = None;
            }
            (Part::Leads { term, until, doubt, due }, Ask::Read, Answer::Found(found)) => {
                let ours = found.filter(|it| it.term == *term && it.holder.as_ref() == Some(&self.me));
                match (ours, *doubt) {
                    (None, _) => self.part = Part::Over,
                    (Some(claim), Some((count, written))) if claim.count == count => {
                        *until = written + self.silence;
                        *doubt = None;
                    }
                    // The last write did not arrive, or has not yet.
                    (Some(_), _) => (*doubt, *due) = (None, true),
                }
            }
            (_, _, _) => {}
        }
        if self.is_over(now) {
            self.part = Part::Over;
        }
    }

    fn look(&mut self, asked: u64, now: u64, found: Option<Claim>) {
        let Part::StandsBy { seen, free } = &mut self.part else { return };
        *free = match (&*seen, &found) {
            (_, None | Some(Claim { holder: None, .. })) => true,
            (Some((Some(before), since)), Some(claim)) if before == claim => {
                asked.saturating_sub(*since) > claim.silence + claim.silence / 10
            }
            _ => false,
        };
        if seen.as_ref().is_none_or(|(before, _)| *before != found) {
            *seen = Some((found, now));
        }
    }

    /// Stops, and is what to write so that the next one need not wait.
    pub(crate) fn stop(&mut self, now: u64) -> Option<Ask> {
        let term = self.leads(now);
        self.part = Part::Over;
        term.map(|term| self.claim(term, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(election: &mut Election, at: u64, answer: Answer) -> Ask {
        let (_, ask) = election.next(at).unwrap();
        election.asks(at, &ask);
        election.answered(at, at, &ask, answer);
        ask
    }

    fn other(count: u64) -> Claim {
        Claim { term: 4, holder: Some("other".into()), count, silence: 1000 }
    }

    fn leader(at: u64) -> Election {
        let mut election = Election::new("me".into(), 1000);
        told(&mut election, at, Answer::Found(None));
        told(&mut election, at, Answer::Won);
        assert_eq!(election.leads(at), Some(1));
        election
    }

    #[test]
    fn one_that_lives_is_not_followed_and_one_that_is_silent_is() {
        let mut election = Election::new("me".into(), 1000);
        for (at, count) in [(0, 1), (1000, 2), (2000, 3), (3000, 3)] {
            assert_eq!(told(&mut election, at, Answer::Found(Some(other(count)))), Ask::Read);
        }
        assert_eq!(told(&mut election, 3101, Answer::Found(Some(other(3)))), Ask::Read);
        let Ask::Write(claim) = told(&mut election, 3101, Answer::Won) else { panic!("it waits") };
        assert_eq!((claim.term, claim.holder.as_deref()), (5, Some("me")));
        assert_eq!(election.leads(3101), Some(5));
    }

    #[test]
    fn what_was_given_back_is_taken_at_once() {
        let mut election = Election::new("me".into(), 1000);
        told(&mut election, 0, Answer::Found(Some(Claim { holder: None, ..other(9) })));
        told(&mut election, 0, Answer::Won);
        assert_eq!(election.leads(0), Some(5));
        let given = election.stop(10).unwrap();
        assert!(matches!(given, Ask::Write(Claim { holder: None, term: 5, .. })), "{given:?}");
        assert!(election.is_over(10) && election.next(10).is_none());
    }

    #[test]
    fn a_leader_that_slept_through_its_time_has_stopped_even_if_its_write_was_carried_out() {
        let mut election = leader(0);
        let (at, ask) = election.next(0).unwrap();
        election.asks(at, &ask);
        assert_eq!(election.leads(1000), None);
        election.answered(at, 1200, &ask, Answer::Won);
        assert!(election.is_over(1200));
        assert_eq!(election.leads(0), None, "for ever");
    }

    #[test]
    fn a_write_without_an_answer_is_looked_up() {
        let mut election = leader(0);
        let Ask::Write(tried) = told(&mut election, 250, Answer::Unknown) else { panic!("no write") };
        told(&mut election, 300, Answer::Found(Some(tried)));
        assert_eq!(election.leads(1200), Some(1), "counted from when it was asked for");
        assert_eq!(election.leads(1250), None);
        let mut election = leader(0);
        told(&mut election, 250, Answer::Refused);
        told(&mut election, 300, Answer::Found(Some(other(1))));
        assert!(election.is_over(300));
    }

    #[test]
    fn an_old_claim_of_its_own_is_as_any_other_one_for_who_does_not_lead() {
        let mut election = Election::new("me".into(), 1000);
        told(&mut election, 0, Answer::Found(None));
        let Ask::Write(tried) = told(&mut election, 0, Answer::Unknown) else { panic!("no write") };
        told(&mut election, 100, Answer::Found(Some(tried.clone())));
        assert_eq!(election.leads(100), None);
        told(&mut election, 1300, Answer::Found(Some(tried)));
        told(&mut election, 1300, Answer::Won);
        assert_eq!(election.leads(1300), Some(2));
    }
}
