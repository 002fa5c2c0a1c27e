//! Where callers arrive that want to converse.
//!
//! Answers for bringing those that were let in to their owner. Not for judging them, which the owner does, nor for how far
//! strangers get (`listener`).
//! Holds: who arrives has proved the token that its owner says one like it has to prove.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use millstream_model::error::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::conversation::{Hearer, Pulse, Speaker, converse};
use crate::introduction::{Answer, Introduction, Purpose, Refusal};
use crate::listener::{Guest, Host, Listener, Strangers};
use crate::security::Security;
use crate::socket::Socket;
use crate::token::Token;

/// A caller that was let in.
pub struct Arrived {
    /// What it said of itself.
    pub introduction: Introduction,
    /// Where it calls from.
    pub address: SocketAddr,
    socket: Socket,
}

impl std::fmt::Debug for Arrived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { introduction, address, socket: _ } = self;
        f.debug_struct("Arrived")
            .field("introduction", introduction)
            .field("address", address)
            .finish_non_exhaustive()
    }
}

impl Arrived {
    /// Begins the conversation with it, in messages of these types.
    ///
    /// # Errors
    /// If the connection is gone.
    pub fn converse<Out: Serialize, In: DeserializeOwned>(
        self,
        pulse: Pulse,
    ) -> Result<(Speaker<Out>, Hearer<In>)> {
        let who = format!("{} {} at {}", self.introduction.role, self.introduction.name, self.address);
        converse(self.socket, who, pulse)
    }

    /// The connection itself, for what is no conversation.
    pub fn into_socket(self) -> Socket {
        self.socket
    }
}

/// Who decides about callers.
pub trait Owner: Send + Sync + 'static {
    /// The token that one who says this has to prove; `None` where nobody can.
    fn token(&self, caller: &Introduction) -> Option<Token>;

    /// Whether one who has proved it may come in; otherwise why not, which it is told.
    ///
    /// # Errors
    /// Why not.
    fn judge(&self, caller: &Introduction) -> Result<(), String>;

    /// It is in; on a thread of its own, with a small stack.
    fn welcome(&self, caller: Arrived);
}

/// The owner as the listener's host.
struct Desk<O>(O);

impl<O: Owner> Host for Desk<O> {
    fn token(&self, purpose: &Purpose) -> Option<Token> {
        match purpose {
            Purpose::Control(caller) => self.0.token(caller),
            Purpose::Data(_) => None,
        }
    }

    fn judge(&self, purpose: &Purpose) -> Answer {
        match purpose {
            Purpose::Control(caller) => match self.0.judge(caller) {
                Ok(()) => Answer::Welcome { process: 0 },
                Err(why) => Answer::Refused(Refusal::Because(why)),
            },
            Purpose::Data(_) => Answer::Refused(Refusal::OtherPurpose),
        }
    }

    fn release(&self, _purpose: &Purpose) {}

    fn welcome(&self, Guest { purpose, address, socket }: Guest) {
        if let Purpose::Control(introduction) = purpose {
            self.0.welcome(Arrived { introduction, address, socket });
        }
    }
}

/// A listening socket; closed when dropped.
#[derive(Debug)]
pub struct Reception(Listener);

impl Reception {
    /// Listens at `ip`, at a free port where `port` is 0.
    ///
    /// # Errors
    /// If the port is taken, the address is not this machine's, or it would be open to strangers.
    pub fn open(ip: IpAddr, port: u16, security: Security, owner: impl Owner) -> Result<Self> {
        let host = Arc::new(Desk(owner));
        Listener::bind(SocketAddr::new(ip, port), security, Strangers::default(), host).map(Self)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
