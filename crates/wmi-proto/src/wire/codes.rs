//! A newtype over an integer with names, through which unknown values survive.

/// Declares an open enumeration: constants with documentation, `name()`, and a `Display` that gives name and value.
macro_rules! open_enum {
    ($(#[$doc:meta])* pub struct $ty:ident($int:ty); $($(#[$item:meta])* $name:ident = $value:expr,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $ty(pub $int);

        impl $ty {
            $( $(#[$item])* pub const $name: Self = Self($value); )*

            /// The specification's name of the value, when it is in the table.
            #[must_use]
            #[allow(unreachable_patterns, reason = "two specifications give some values two names; the first wins")]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some(stringify!($name)), )*
                    _ => None,
                }
            }
        }

        $crate::wire::codes::shown_by_name!($ty);
    };
}
pub(crate) use open_enum;

/// The text form of a newtype over an integer that has `name()`: name and value.
macro_rules! shown_by_name {
    ($ty:ident) => {
        impl core::fmt::Display for $ty {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{name} ({:#x})", self.0),
                    None => write!(f, "{:#x}", self.0),
                }
            }
        }

        impl core::fmt::Debug for $ty {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(crate) use shown_by_name;
