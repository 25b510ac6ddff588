//! Names of routes, and prefixes of addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// What tells one route of Win32_IP4RouteTable from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) destination: String,
    pub(super) interface: Option<u64>,
    pub(super) metric: Option<u64>,
    pub(super) mask: String,
    pub(super) next_hop: String,
}

impl Route {
    /// `0.0.0.0 [5]`: InfraSonar's name, which two routes can share.
    pub(super) fn short(&self) -> String {
        format!("{} [{}]", self.destination, self.interface.unwrap_or(0))
    }

    /// `0.0.0.0/0 via 192.0.2.1 [5]`: Windows keeps no two routes that agree in all of these.
    pub(super) fn long(&self) -> String {
        let mask = prefix(&self.mask).map_or_else(|| self.mask.clone(), |bits| bits.to_string());
        let interface = self.interface.map_or_else(String::new, |index| format!(" [{index}]"));
        format!("{}/{mask} via {}{interface}", self.destination, self.next_hop)
    }
}

/// A name for each of `routes`: InfraSonar's for the one with the lowest metric, and the long one for those which would
/// have the same.
///
/// Which of them keeps the short name does not depend on the order in which the host lists them.
pub(super) fn short_names(routes: &[Route]) -> Vec<String> {
    let mut first: BTreeMap<String, &Route> = BTreeMap::new();
    for route in routes {
        let best = first.entry(route.short()).or_insert(route);
        *best = route.min(*best);
    }
    let name = |route: &Route| {
        let short = route.short();
        if first.get(&short).is_some_and(|first| *first == route) { short } else { route.long() }
    };
    routes.iter().map(name).collect()
}

/// The bits of a prefix that is given as a number or as a mask; `None` for a mask with gaps and for what is neither.
pub(super) fn prefix(mask: &str) -> Option<u64> {
    if let Ok(mask) = mask.parse::<Ipv4Addr>() {
        let bits = u32::from(mask);
        return (bits.leading_ones() == bits.count_ones()).then_some(bits.count_ones().into());
    }
    mask.parse::<u8>().ok().filter(|&bits| bits <= 128).map(Into::into)
}

/// Which protocol an address belongs to; `None` for what is no address. A scope (`fe80::1%4`) does not count.
pub(super) fn family(address: &str) -> Option<&'static str> {
    let address = address.split_once('%').map_or(address, |(address, _)| address);
    Some(match address.parse().ok()? {
        IpAddr::V4(_) => "IPv4",
        IpAddr::V6(_) => "IPv6",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(destination: &str, interface: u64, metric: u64, mask: &str, next_hop: &str) -> Route {
        Route {
            destination: destination.to_owned(),
            interface: Some(interface),
            metric: Some(metric),
            mask: mask.to_owned(),
            next_hop: next_hop.to_owned(),
        }
    }

    #[test]
    fn quirk_two_routes_to_one_destination_on_one_interface_have_two_names() {
        let backup = route("0.0.0.0", 5, 50, "0.0.0.0", "192.0.2.2");
        let best = route("0.0.0.0", 5, 10, "0.0.0.0", "192.0.2.1");
        let other = route("0.0.0.0", 6, 10, "0.0.0.0", "192.0.2.1");
        let names = short_names(&[backup.clone(), best.clone(), other.clone()]);
        assert_eq!(names, ["0.0.0.0/0 via 192.0.2.2 [5]", "0.0.0.0 [5]", "0.0.0.0 [6]"]);
        assert_eq!(short_names(&[best, other, backup]), ["0.0.0.0 [5]", "0.0.0.0 [6]", "0.0.0.0/0 via 192.0.2.2 [5]"]);
    }

    #[test]
    fn prefixes_are_read_from_masks_and_numbers() {
        let all = ["0.0.0.0", "255.255.255.0", "255.255.255.255", "255.0.255.0", "64", "129", "", "x"].map(prefix);
        assert_eq!(all, [Some(0), Some(24), Some(32), None, Some(64), None, None, None]);
        assert_eq!(route("10.0.0.0", 1, 1, "255.0.255.0", "x").long(), "10.0.0.0/255.0.255.0 via x [1]");
    }

    #[test]
    fn families_are_told_from_addresses() {
        let all = ["192.0.2.1", "2001:db8::1", "fe80::1%4", "", "host"].map(family);
        assert_eq!(all, [Some("IPv4"), Some("IPv6"), Some("IPv6"), None, None]);
    }
}
