//! People: those whom an identity provider vouches for, and those who were invited. They act as everybody else does, with a key of the management realm,
//! and each is an owner in the org [`ORG`]: whoever disables it locks them out, now and at their next sign-in.
//!
//! Somebody who signs in at a provider has a key made for that sign-in, which is gone when it ends. It has what the operator gives such people or, for
//! whom no rule of the operator fits, what they were invited to.
//!
//! An invitation is a key that nobody has the secret of yet: it says what somebody may do, and whatever holds of keys holds of it, also that nobody gives
//! more than they hold. Whoever has the invitation's link gets a secret for it, once; whoever signs in with the address that was invited is known by
//! their provider's name for them from then on, as far as that invitation goes. Each invitation stands for itself: somebody may be invited to several
//! places, and says at each sign-in by which of them they come. What one gives is never added to what another one gives, and none takes the place of
//! another by itself, or whoever may invite to one place could draw people out of others. Whoever is removed loses the invitation, and no later one.
//!
//! An invitation that is open gives what its inviter may still grant when somebody comes. Of an inviter with a key, that is what the key holds; of one whom
//! a rule of the operator let in, it is what the rule gave at their last sign-in, for as long as [`GRANT_LIFE`](crate::limits::GRANT_LIFE) and while there is
//! such a rule, since a provider says nothing of anybody between two sign-ins.
//!
//! | read | for |
//! |---|---|
//! | `invite` | somebody is invited, and comes by the link |
//! | `open` | invitations that are open, and what bounds them |
//! | `edit` | what they were invited to is changed, and they get another link |
//! | `sign_in` | somebody comes by a provider: the key of a sign-in, made and taken away |
//! | `vouched` | what rules gave to whom |
//! | `list`, `gone` | who there is; how they are removed |

use edgelatch_core::hex::Hex;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::limits::{MAX_ISSUER_BYTES, MAX_SUBJECT_BYTES};
use crate::management::REALM;
use crate::model::{Caller, Email, Name, NewOrg, Slug};
use crate::registry::Registry;
use crate::transaction::InRealm;

mod edit;
mod gone;
mod invite;
mod list;
mod open;
mod place;
mod sign_in;
mod vouched;

pub(crate) use gone::displaced;
pub use invite::{Invitation, Invite};
pub use list::{Member, MemberState};
pub use place::Place;
pub use sign_in::{Entry, Way};
pub use vouched::Grant;

/// The org of the management realm that they belong to.
pub const ORG: &str = "people";
/// What the names of those begin with who act for a sign-in. Nobody else is called so: others are key ids, or begin with `cli:`.
const ACTOR: &str = "oidc:";

/// Somebody, as an identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    issuer: String,
    subject: String,
    /// What they are called.
    name: Name,
    /// Their address, where the provider has checked that it is theirs.
    email: Option<Email>,
}

impl Person {
    /// The one whom `issuer` calls `subject`. What they are called is what somebody typed: where it is no name, the subject stands for it.
    pub fn new(issuer: &str, subject: &str, name: Option<&str>) -> Result<Person, Error> {
        let sound = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        };
        if !sound(issuer, MAX_ISSUER_BYTES) {
            return Err(Error::invalid("issuer", format!("must be 1 to {MAX_ISSUER_BYTES} visible ASCII characters")));
        }
        if !sound(subject, MAX_SUBJECT_BYTES) {
            return Err(Error::invalid("subject", format!("must be 1 to {MAX_SUBJECT_BYTES} visible ASCII characters")));
        }
        let named = [name, Some(subject)].into_iter().flatten().find_map(|text| Name::parse("name", text).ok());
        let name = named.map_or_else(|| Name::parse("name", "somebody"), Ok)?;
        Ok(Person { issuer: issuer.into(), subject: subject.into(), name, email: None })
    }

    /// The same, with an address that the provider has checked. What is no address is none.
    pub fn known_by(self, email: &str) -> Person {
        Person { email: Email::parse("email", email).ok(), ..self }
    }

    /// The owner that stands for them: nobody else, at this provider or at another one, has the same.
    pub fn owner(&self) -> Result<Slug, Error> {
        let mut hash = Sha256::new();
        hash.update((self.issuer.len() as u64).to_le_bytes());
        hash.update(&self.issuer);
        hash.update(&self.subject);
        let digest = hash.finalize();
        Slug::parse("owner", &format!("oidc-{}", Hex(digest.get(..20).unwrap_or_default())))
    }

    /// As the log names them.
    fn actor(&self) -> Result<Name, Error> {
        let whole = Name::parse("actor", &format!("{ACTOR}{} at {}", self.subject, self.issuer));
        whole.or_else(|_| Name::parse("actor", &format!("{ACTOR}{}", self.owner()?)))
    }
}

/// Everybody who signs in to the console by themselves.
#[derive(Clone, Copy, Debug)]
pub struct People<'r>(&'r Registry);

impl Registry {
    /// People whom an identity provider vouches for, and those who were invited.
    pub fn people(&self) -> People<'_> {
        People(self)
    }
}

/// A salt for names, which are there once in an org.
fn salted(registry: &Registry, name: &Name, otherwise: &str) -> Result<Name, Error> {
    let mut salt = [0; 4];
    registry.env.random(&mut salt)?;
    let whole = Name::parse("name", &format!("{name} {}", Hex(&salt)));
    whole.or_else(|_| Name::parse("name", &format!("{otherwise} {}", Hex(&salt))))
}

impl People<'_> {
    /// Makes the org that they belong to, unless it is there.
    fn establish(&self, caller: &Caller) -> Result<(), Error> {
        let (realm, org): (Slug, Slug) = (REALM.parse()?, ORG.parse()?);
        match self.0.tenants(&realm).org(&org) {
            Err(Error::NotFound { .. }) => {}
            found => return found.map(drop),
        }
        let new = NewOrg { org, name: Name::parse("name", "People")?, preset: None };
        match self.0.tenants(&realm).create_org(caller, &new) {
            // Somebody else made it at this moment.
            Err(Error::Exists { .. }) => Ok(()),
            made => made.map(drop),
        }
    }

    /// Works on the realm that they belong to.
    fn within<T>(&self, work: impl FnOnce(InRealm<'_>) -> Result<T, Error>) -> Result<T, Error> {
        work(InRealm { registry: self.0, realm: &REALM.parse()? })
    }
}
