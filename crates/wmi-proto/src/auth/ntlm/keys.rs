//! Keys of NTLMv2 and of extended session security ([MS-NLMP 3.3.2, 3.4.5]).

use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use zeroize::Zeroizing;

use crate::auth::NtHash;
use crate::secret::Secret;
use crate::wire::text::{uppercase_unit, utf16};

/// ExportedSessionKey, from which all keys of a context come.
pub type SessionKey = Secret<[u8; 16]>;

/// HMAC_MD5 of the concatenated `parts`, not finished.
pub(super) fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> Hmac<Md5> {
    // A key shorter than a block is padded with zeros by HMAC itself, so this form cannot fail.
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Md5>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac
}

/// HMAC_MD5 of the concatenated `parts`.
pub(super) fn hmac_md5_bytes(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    hmac_md5(key, parts).finalize().into_bytes().into()
}

/// RC4 under a 16-octet key.
pub(super) fn rc4(key: &[u8; 16]) -> Rc4 {
    // The key schedule repeats the key, so the doubled key is the same key; this form cannot fail.
    let mut doubled = Zeroizing::new([0; 32]);
    for (to, from) in doubled.iter_mut().zip(key.iter().cycle()) {
        *to = *from;
    }
    Rc4::new((&*doubled).into())
}

/// RC4K of [MS-NLMP 6]: `data` under `key`, from the start of the key stream.
pub(super) fn rc4k(key: &Secret<[u8; 16]>, mut data: [u8; 16]) -> [u8; 16] {
    rc4(key.expose()).apply_keystream(&mut data);
    data
}

/// [MS-NLMP 3.3.1] NTOWFv1: the NT hash.
pub(in crate::auth) fn nt_owf_v1(password: &Secret<String>) -> Secret<[u8; 16]> {
    let password = Zeroizing::new(utf16(password.expose()));
    Secret::new(<[u8; 16]>::from(Md4::digest(&*password)))
}

/// [MS-NLMP 3.3.2] NTOWFv2, which LMOWFv2 equals. `user` and `domain` are UTF-16LE.
pub(super) fn ntowf_v2(hash: &NtHash, user: &[u8], domain: &[u8]) -> Secret<[u8; 16]> {
    Secret::new(hmac_md5_bytes(hash.expose(), &[&uppercase(user), domain]))
}

/// What [MS-NLMP 3.3.2] ComputeResponse makes of a client challenge.
pub(super) struct Response {
    /// NTProofStr.
    pub(super) proof: [u8; 16],
    /// SessionBaseKey, which is KeyExchangeKey for NTLMv2 ([MS-NLMP 3.4.5.1]).
    pub(super) base_key: Secret<[u8; 16]>,
}

/// The response to `server_challenge` for `client_challenge`, which is `temp` of [MS-NLMP 3.3.2].
pub(super) fn respond(key: &Secret<[u8; 16]>, server_challenge: &[u8; 8], client_challenge: &[u8]) -> Response {
    let proof = hmac_md5_bytes(key.expose(), &[server_challenge, client_challenge]);
    let base_key = Secret::new(hmac_md5_bytes(key.expose(), &[&proof]));
    Response { proof, base_key }
}

/// LMv2_RESPONSE ([MS-NLMP 2.2.2.4]).
pub(super) fn lm_v2(key: &Secret<[u8; 16]>, server_challenge: &[u8; 8], challenge: &[u8; 8]) -> [u8; 24] {
    let mut response = [0; 24];
    let proof = hmac_md5_bytes(key.expose(), &[server_challenge, challenge]);
    for (to, from) in response.iter_mut().zip(proof.iter().chain(challenge)) {
        *to = *from;
    }
    response
}

/// [MS-NLMP 3.4.5.2] SIGNKEY and [MS-NLMP 3.4.5.3] SEALKEY: MD5 of the key and a sentence with its NUL.
pub(super) fn derive(key: &SessionKey, sentence: &[u8]) -> Secret<[u8; 16]> {
    Secret::new(Md5::new().chain_update(key.expose()).chain_update(sentence).finalize().into())
}

/// Each UTF-16LE unit in upper case.
fn uppercase(text: &[u8]) -> Vec<u8> {
    let upper = |pair: &[u8]| {
        let &[lo, hi] = pair else { return [0; 2] };
        uppercase_unit(u16::from_le_bytes([lo, hi])).to_le_bytes()
    };
    text.chunks_exact(2).flat_map(upper).collect()
}
