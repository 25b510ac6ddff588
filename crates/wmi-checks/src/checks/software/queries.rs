//! What is asked in WQL beside the registry.

use crate::dates::STANDARD_ZONE;
use crate::plan::Select;
use crate::{Options, Shape};

/// A query of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Query {
    /// Packages of Windows Installer.
    Products,
    /// Roles and features of a server.
    Features,
    /// The zone of the host's clock.
    Zone,
}

impl Query {
    /// The part, as failures name it.
    pub(super) const fn part(self) -> &'static str {
        match self {
            Self::Products => "installed",
            Self::Features => "feature",
            Self::Zone => "zone",
        }
    }

    pub(super) const fn select(self) -> &'static Select {
        match self {
            Self::Products => &PRODUCTS,
            Self::Features => &FEATURES,
            Self::Zone => &STANDARD_ZONE,
        }
    }
}

static PRODUCTS: Select = Select::all(
    "Win32_Product",
    &[
        "Name",
        "Description",
        "Vendor",
        "Version",
        "InstallDate",
        "InstallDate2",
        "InstallState",
        "Language",
        "PackageCode",
        "IdentifyingNumber",
    ],
);

static FEATURES: Select = Select::all("Win32_ServerFeature", &["ID", "Name", "ParentID"]);

/// The queries of a round.
pub(super) fn of(options: &Options) -> &'static [Query] {
    match (options.shape, options.win32_product) {
        (Shape::Infrasonar, _) => &[Query::Products, Query::Features, Query::Zone],
        (Shape::Native, true) => &[Query::Features, Query::Products],
        (Shape::Native, false) => &[Query::Features],
    }
}
