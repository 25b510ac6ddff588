//! Fernet tokens: AES-128-CBC and HMAC-SHA256, base64, as local configuration keeps passwords.
//!
//! With the key that everybody knows this hides a password from a glance and from nothing else.

use core::fmt;

use aes::Aes128;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use wmi_proto::Secret;
use zeroize::{Zeroize, Zeroizing};

/// The key that InfraSonar's probes use unless `ENCRYPTION_KEY` says another. It is public: files that the original
/// probe has written are read with it.
pub const PUBLIC_KEY: &str = "4DFfx9LZBPvwvCpwmsVGT_HzjgiGUHduP1kq_L2Fbjw=";

/// The alphabet of tokens and keys; the padding may be missing, and what the last digit has too much may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The first octet of a token.
const VERSION: u8 = 0x80;

/// A key: one half signs, the other encrypts. Zeroed when dropped, never printed.
#[derive(Clone)]
pub struct Key {
    signing: [u8; 16],
    encryption: [u8; 16],
}

impl Drop for Key {
    fn drop(&mut self) {
        self.signing.zeroize();
        self.encryption.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why a key or a token cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FernetError {
    /// The key is not 32 octets in URL-safe base64.
    #[error("the key is not 32 octets in URL-safe base64")]
    Key,
    /// It is no token.
    #[error("no token of Fernet's")]
    Format,
    /// The signature is not of this key.
    #[error("encrypted with another key, or damaged")]
    Signature,
}

impl Key {
    /// The key that `text` spells, in either alphabet of base64. As Python's `urlsafe_b64decode` this passes over what is
    /// of neither, such as quotes that a file of variables has around it, and over all behind the padding; the padding
    /// may be missing.
    ///
    /// # Errors
    /// It spells none.
    pub fn parse(text: &str) -> Result<Self, FernetError> {
        let mut digits = Zeroizing::new(String::with_capacity(text.len()));
        let mut padding = 0;
        for c in text.chars() {
            match c {
                '+' => digits.push('-'),
                '/' => digits.push('_'),
                '-' | '_' => digits.push(c),
                c if c.is_ascii_alphanumeric() => digits.push(c),
                '=' => {
                    padding += 1;
                    if digits.len() % 4 >= 2 && digits.len() % 4 + padding >= 4 {
                        break;
                    }
                    continue;
                }
                _ => continue,
            }
            padding = 0;
        }
        let octets = Zeroizing::new(BASE64.decode(digits.as_bytes()).map_err(|_| FernetError::Key)?);
        let (signing, encryption) = octets.split_first_chunk().ok_or(FernetError::Key)?;
        let encryption = encryption.try_into().map_err(|_| FernetError::Key)?;
        Ok(Self { signing: *signing, encryption })
    }

    /// A token of `secret`; `time` since the Unix epoch, `iv` random.
    #[must_use]
    pub fn encrypt(&self, secret: &[u8], time: core::time::Duration, iv: [u8; 16]) -> String {
        let cipher = cbc::Encryptor::<Aes128>::new(&self.encryption.into(), &iv.into());
        let mut token = vec![VERSION];
        token.extend_from_slice(&time.as_secs().to_be_bytes());
        token.extend_from_slice(&iv);
        token.extend_from_slice(&cipher.encrypt_padded_vec::<Pkcs7>(secret));
        let signature = self.mac(&token).finalize().into_bytes();
        token.extend_from_slice(&signature);
        BASE64.encode(token)
    }

    /// The secret of `token`, whatever its age.
    ///
    /// # Errors
    /// It is no token, or one of another key.
    pub fn decrypt(&self, token: &str) -> Result<Secret<Vec<u8>>, FernetError> {
        let token = BASE64.decode(token.trim()).map_err(|_| FernetError::Format)?;
        let (signed, signature) = token.split_last_chunk::<32>().ok_or(FernetError::Format)?;
        let ([VERSION, _, _, _, _, _, _, _, _], rest) = signed.split_first_chunk().ok_or(FernetError::Format)? else {
            return Err(FernetError::Format);
        };
        let (iv, ciphertext) = rest.split_first_chunk::<16>().ok_or(FernetError::Format)?;
        self.mac(signed).verify_slice(signature).map_err(|_| FernetError::Signature)?;
        let cipher = cbc::Decryptor::<Aes128>::new(&self.encryption.into(), &(*iv).into());
        cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).map(Secret::new).map_err(|_| FernetError::Format)
    }

    fn mac(&self, octets: &[u8]) -> Hmac<Sha256> {
        // A key that is shorter than a block is one that ends in zeros.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(self.signing).for_each(|(octet, key)| *octet = key);
        let mut mac = Hmac::<Sha256>::new(&(*block).into());
        mac.update(octets);
        mac
    }
}

#[cfg(test)]
mod tests;
