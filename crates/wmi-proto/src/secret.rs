//! Values that are zeroed when dropped and never printed.

use core::fmt;

use zeroize::Zeroize;

/// A secret: zeroed on drop, redacted in `Debug`, compared in constant time where it is bytes.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the secret over; the caller's copies are the caller's business.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself, for the place that makes it or takes it over.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// The secret itself, for the place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}
