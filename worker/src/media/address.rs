//! Which IP addresses belong to the public internet.
//!
//! The registries of special-purpose addresses (RFC 6890 and its successors) as two tables. IPv6 is judged the other way
//! round: only what has been given to the public (2000::/3) can be public, which leaves out loopback, link-local and
//! unique local addresses, multicast, and the translated forms of IPv4 (NAT64). The standard library's `is_global` isn't
//! stable, and it lets some of these through.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What an address is, if it isn't a public one: "a loopback address".
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    // `::ffff:127.0.0.1` is 127.0.0.1 to a connection.
    match address.to_canonical() {
        IpAddr::V4(v4) => V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, what)| *what),
        IpAddr::V6(v6) => {
            let special = V6.iter().find(|(net, _)| net.contains(&v6)).map(|(_, what)| *what);
            special.or_else(|| (!PUBLIC_V6.contains(&v6)).then_some("a reserved address"))
        }
    }
}

const V4: [(Ipv4Net, &str); 16] = [
    (v4([0, 0, 0, 0], 8), "an unspecified address"),
    (v4([10, 0, 0, 0], 8), "a private address"),
    (v4([100, 64, 0, 0], 10), "an address behind a provider's NAT"),
    (v4([127, 0, 0, 0], 8), "a loopback address"),
    (v4([169, 254, 0, 0], 16), "a link-local address"),
    (v4([172, 16, 0, 0], 12), "a private address"),
    (v4([192, 0, 0, 0], 24), "a reserved address"),
    (v4([192, 0, 2, 0], 24), "a reserved address"),
    (v4([192, 88, 99, 0], 24), "a reserved address"),
    (v4([192, 168, 0, 0], 16), "a private address"),
    (v4([198, 18, 0, 0], 15), "a reserved address"),
    (v4([198, 51, 100, 0], 24), "a reserved address"),
    (v4([203, 0, 113, 0], 24), "a reserved address"),
    (v4([224, 0, 0, 0], 4), "a multicast address"),
    (v4([240, 0, 0, 0], 4), "a reserved address"),
    // Azure's services for its machines: public by its number, not by what answers there.
    (v4([168, 63, 129, 16], 32), "a cloud's internal address"),
];

const PUBLIC_V6: Ipv6Net = v6([0x2000, 0, 0], 3);

const V6: [(Ipv6Net, &str); 13] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "an unspecified address"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    // IPv4 in other forms: NAT64, and those that nobody uses any more. What they lead to isn't looked at.
    (v6([0, 0, 0], 96), "an IPv4 address in IPv6 form"),
    (v6([0x64, 0xff9b, 0], 96), "an IPv4 address behind NAT64"),
    (v6([0x64, 0xff9b, 1], 48), "an IPv4 address behind NAT64"),
    (v6([0x2002, 0, 0], 16), "an IPv4 address in IPv6 form"),
    // Teredo and other protocols; documentation.
    (v6([0x2001, 0, 0], 23), "a reserved address"),
    (v6([0x2001, 0xdb8, 0], 32), "a reserved address"),
    (v6([0x3fff, 0, 0], 20), "a reserved address"),
    (v6([0xfc00, 0, 0], 7), "a private address"),
    (v6([0xfe80, 0, 0], 10), "a link-local address"),
    (v6([0xfec0, 0, 0], 10), "a private address"),
    (v6([0xff00, 0, 0], 8), "a multicast address"),
];

const fn v4(address: [u8; 4], bits: u8) -> Ipv4Net {
    let [a, b, c, d] = address;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(start: [u16; 3], bits: u8) -> Ipv6Net {
    let [a, b, c] = start;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_told_from_public_ones() {
        for (address, what) in [
            ("0.0.0.0", Some("unspecified")),
            ("0.1.2.3", Some("unspecified")),
            ("10.255.0.1", Some("private")),
            ("100.64.0.1", Some("NAT")),
            ("100.100.100.200", Some("NAT")),
            ("100.128.0.1", None),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("168.63.129.16", Some("cloud")),
            ("168.63.129.17", None),
            ("169.254.169.254", Some("link-local")),
            ("172.15.255.255", None),
            ("172.16.0.1", Some("private")),
            ("172.31.255.255", Some("private")),
            ("172.32.0.0", None),
            ("192.0.0.192", Some("reserved")),
            ("192.0.2.1", Some("reserved")),
            ("192.168.1.1", Some("private")),
            ("198.19.255.255", Some("reserved")),
            ("203.0.113.9", Some("reserved")),
            ("224.0.0.1", Some("multicast")),
            ("239.255.255.255", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("reserved")),
            ("8.8.8.8", None),
            ("223.255.255.255", None),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::127.0.0.1", Some("IPv4 address in")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:169.254.169.254", Some("link-local")),
            ("::ffff:8.8.8.8", None),
            ("::ffff:0:127.0.0.1", Some("reserved")),
            ("64:ff9b::7f00:1", Some("NAT64")),
            ("64:ff9b:1::1", Some("NAT64")),
            ("100::1", Some("reserved")),
            ("2001::1", Some("reserved")),
            ("2001:db8::1", Some("reserved")),
            ("2001:4860:4860::8888", None),
            ("2002:7f00:1::", Some("IPv4 address in")),
            ("3fff::1", Some("reserved")),
            ("5f00::1", Some("reserved")),
            ("fc00::1", Some("private")),
            ("fd00:ec2::254", Some("private")),
            ("fe80::1", Some("link-local")),
            ("febf::1", Some("link-local")),
            ("fec0::1", Some("private")),
            ("ff02::1", Some("multicast")),
        ] {
            let got = special(address.parse().unwrap());
            let as_expected = match (got, what) {
                (None, None) => true,
                (Some(got), Some(what)) => got.contains(what),
                _ => false,
            };
            assert!(as_expected, "{address} is {got:?}, expected {what:?}");
        }
    }
}
