//! What comes before the first log-in to a namespace: who calls, and in which languages texts are wanted.

use crate::dcom;
use crate::wire::dcom::rem_unknown::RemQueryInterfaceRequest;
use crate::wire::dcom::{OrpcThis, RemQueryInterface, StdObjRef};
use crate::wire::guid::IID_IWBEM_LOGIN_CLIENT_ID;
use crate::wire::wmi::login::{EstablishPositionRequest, SetClientInfoRequest};
use crate::wire::wmi::{EstablishPosition, SetClientInfo};
use crate::wire::{Guid, Operation, Reader, WireError};
use crate::wmi::ObjectCall;

/// The machine of it. Nothing in it can fail: a host that refuses is greeted less.
pub(crate) struct Greeting {
    /// The name of the machine and the number of the process.
    client: Option<(String, u32)>,
    locale: Option<String>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unbegun,
    AskingInterface,
    Telling(Guid),
    AskingLocales,
    Over,
}

/// What is to be done next.
pub(crate) enum Greet {
    /// Make this call; its outcome comes back.
    Call(ObjectCall),
    /// Take this pointer over, then make this call.
    Hold(StdObjRef, ObjectCall),
    /// An answer is due.
    Wait,
    /// It is over.
    LogIn,
}

impl Greeting {
    pub(crate) fn new(client: Option<(String, u32)>, locale: Option<String>) -> Self {
        let nothing_to_say = client.is_none() && locale.as_deref().is_none_or(is_plain);
        Self { client, locale, state: if nothing_to_say { State::Over } else { State::Unbegun } }
    }

    /// Whether log-ins need not wait for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The languages to log in with, once it is over.
    pub(crate) fn locale(&self) -> Option<String> {
        self.locale.clone()
    }

    /// Somebody wants to log in with the log-in object `login`.
    pub(crate) fn greet(&mut self, login: Guid, this: &OrpcThis) -> Greet {
        match self.state {
            State::Unbegun if self.client.is_some() => {
                self.state = State::AskingInterface;
                let request = RemQueryInterfaceRequest { ipid: login, refs: 1, iids: vec![IID_IWBEM_LOGIN_CLIENT_ID] };
                let stub = dcom::stub::<RemQueryInterface>(this, &request);
                Greet::Call(ObjectCall { object: None, opnum: RemQueryInterface::OPNUM, stub })
            }
            State::Unbegun => self.ask_locales(login, this),
            State::AskingInterface | State::Telling(_) | State::AskingLocales => Greet::Wait,
            State::Over => Greet::LogIn,
        }
    }

    /// [MS-WMI 3.2.3]: a list, or a name of another form than `MS_xxx`, needs a host that knows such.
    fn ask_locales(&mut self, login: Guid, this: &OrpcThis) -> Greet {
        if self.locale.as_deref().is_none_or(is_plain) {
            self.state = State::Over;
            return Greet::LogIn;
        }
        self.state = State::AskingLocales;
        Greet::Call(call::<EstablishPosition>(login, this, &EstablishPositionRequest::default()))
    }

    /// The answer to the call in flight, or that there is none: the host refused the call itself.
    pub(crate) fn answer(&mut self, stub: Option<Reader>, login: Guid, this: &OrpcThis) -> Greet {
        match self.state {
            State::AskingInterface => match stub.and_then(|stub| client_id(stub).ok().flatten()) {
                Some(std) => {
                    self.state = State::Telling(std.ipid);
                    let (machine, process) = self.client.clone().unwrap_or_default();
                    let request = SetClientInfoRequest {
                        client_machine: Some(machine),
                        client_process: process.cast_signed(),
                        reserved: 0,
                    };
                    Greet::Hold(std, call::<SetClientInfo>(std.ipid, this, &request))
                }
                // [MS-WMI 3.2.3] a refusal is to be ignored.
                None => self.ask_locales(login, this),
            },
            State::Telling(_) => self.ask_locales(login, this),
            State::AskingLocales => {
                let response = stub.and_then(|stub| dcom::answer::<EstablishPosition>(stub).ok());
                if !response.is_some_and(|response| response.status.is_success()) {
                    self.locale = self.locale.take().and_then(|list| first_plain(&list));
                }
                self.state = State::Over;
                Greet::LogIn
            }
            State::Unbegun | State::Over => Greet::Wait,
        }
    }

    /// The interface pointer on which the call in flight is made, when it is needed for nothing else.
    pub(crate) const fn held(&self) -> Option<Guid> {
        if let State::Telling(ipid) = self.state { Some(ipid) } else { None }
    }
}

fn client_id(stub: Reader) -> Result<Option<StdObjRef>, WireError> {
    let response = dcom::answer::<RemQueryInterface>(stub)?;
    let first = response.results.first().filter(|item| response.status.is_success() && item.result.is_success());
    Ok(first.map(|item| item.std))
}

fn call<O: Operation>(object: Guid, this: &OrpcThis, request: &O::Request) -> ObjectCall {
    ObjectCall { object: Some((O::INTERFACE, object)), opnum: O::OPNUM, stub: dcom::stub::<O>(this, request) }
}

/// [MS-WMI 2.2.29] one locale of the form `MS_xxx`, an LCID in hexadecimal digits.
fn is_plain(locale: &str) -> bool {
    let digits = locale.get(..3).filter(|head| head.eq_ignore_ascii_case("MS_")).and_then(|_| locale.get(3..));
    digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit()))
}

/// The first locale of a list that every host knows the form of.
fn first_plain(list: &str) -> Option<String> {
    list.split(',').map(str::trim).find(|locale| is_plain(locale)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_locale_of_the_old_form_is_plain() {
        for (locale, plain) in [
            ("MS_409", true),
            ("ms_0407", true),
            ("MS_", false),
            ("MS_xyz", false),
            ("MS_409,MS_407", false),
            ("en-US", false),
            ("", false),
            ("мс_409", false),
        ] {
            assert_eq!(is_plain(locale), plain, "{locale}");
        }
        assert_eq!(first_plain("de-DE, MS_407 ,MS_409").as_deref(), Some("MS_407"));
        assert_eq!(first_plain("de-DE,de"), None);
    }
}
