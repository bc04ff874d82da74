use super::*;
use alloc::string::ToString;
use alloc::vec;

fn nets(text: &[&str]) -> Vec<Cidr> {
    text.iter().map(|t| Cidr::parse(t.as_bytes()).unwrap()).collect()
}

fn policy(allow_mode: AllowMode, order: Order, allow: &[&str], deny: &[&str]) -> IpPolicy {
    IpPolicy { allow_mode, order, allow: nets(allow), deny: nets(deny) }
}

fn decide(policy: &IpPolicy, ip: &str) -> IpVerdict {
    let bytes = policy.encode().unwrap();
    PolicyView::validate(&bytes).unwrap().decide(Ip::parse(ip.as_bytes()).ok())
}

#[test]
fn truth_table() {
    use AllowMode::{Any, List};
    use IpVerdict::{Allowed, Denied, Unknown};
    use Order::{AllowFirst, DenyFirst};
    let (ten, five): (&[&str], &[&str]) = (&["10.0.0.0/8"], &["10.0.0.5"]);
    for (mode, order, allow, deny, ip, want) in [
        (Any, AllowFirst, &[][..], &[][..], "1.1.1.1", Allowed),
        (Any, AllowFirst, &[], &[], "unknown", Allowed),
        (Any, DenyFirst, &[], &[], "unknown", Allowed),
        (Any, AllowFirst, &[], five, "10.0.0.5", Denied),
        (Any, AllowFirst, &[], five, "::ffff:10.0.0.5", Denied),
        (Any, AllowFirst, &[], five, "10.0.0.6", Allowed),
        (Any, AllowFirst, &[], five, "unknown", Unknown),
        (Any, DenyFirst, &[], five, "10.0.0.5", Denied),
        (List, AllowFirst, &[], &[], "1.1.1.1", Denied),
        (List, AllowFirst, &[], &[], "unknown", Unknown),
        (List, AllowFirst, ten, &[], "10.0.0.5", Allowed),
        (List, AllowFirst, ten, &[], "11.0.0.5", Denied),
        (List, AllowFirst, ten, &[], "unknown", Unknown),
        (List, AllowFirst, ten, &[], "::a00:5", Denied),
        (List, AllowFirst, ten, five, "10.0.0.5", Allowed),
        (List, DenyFirst, ten, five, "10.0.0.5", Denied),
        (List, DenyFirst, ten, five, "10.0.0.6", Allowed),
        (List, DenyFirst, ten, five, "11.0.0.5", Denied),
        (List, AllowFirst, &[], five, "10.0.0.5", Denied),
        (List, DenyFirst, &[], five, "10.0.0.6", Denied),
    ] {
        let policy = policy(mode, order, allow, deny);
        assert_eq!(decide(&policy, ip), want, "{policy:?} {ip}");
        assert_eq!(policy.is_unrestricted(), mode == Any && deny.is_empty());
    }
}

#[test]
fn encoding_is_canonical() {
    let a = policy(AllowMode::List, Order::AllowFirst, &["10.0.0.0/8", "1.2.3.4", "::1", "2001:db8::/32"], &[]);
    let b = policy(
        AllowMode::List,
        Order::AllowFirst,
        &[
            "2001:db8:5::/48",
            "2001:DB8::/32",
            "::ffff:1.2.3.4",
            "::1/128",
            "10.1.0.0/16",
            "10.0.0.0/8",
            "10.0.0.0/8",
            "10.0.0.0/9",
        ],
        &[],
    );
    let bytes = a.encode().unwrap();
    assert_eq!(bytes, b.encode().unwrap());
    assert_eq!(
        bytes,
        [
            &[1, 0, 2, 0, 2, 0, 0, 0, 0, 0][..],
            &[4, 3, 2, 1, 0, 0, 0, 10, 32, 8],
            &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0xb8, 0x0d, 0x01, 0x20, 0, 0, 0, 0, 0, 0, 0, 0],
            &[128, 32],
        ]
        .concat()
    );
    let view = PolicyView::validate(&bytes).unwrap();
    assert_eq!(
        view.allow().map(|c| c.to_string()).collect::<Vec<_>>(),
        ["1.2.3.4/32", "10.0.0.0/8", "::1/128", "2001:db8::/32"]
    );
    assert_eq!((view.deny().count(), view.allow_mode(), view.order()), (0, AllowMode::List, Order::AllowFirst));
    let mut table = bytes.clone();
    table.extend([9; 40]);
    assert_eq!(PolicyView::encoded_len(&table), Some(bytes.len()));
    assert_eq!(PolicyView::new_unchecked_len(&table).decide(Some(Ip::V4(0x0a00_0001))), IpVerdict::Allowed);
}

#[test]
fn ambiguous_policy_is_refused() {
    let ambiguous = policy(AllowMode::Any, Order::AllowFirst, &["10.0.0.0/8"], &[]);
    assert_eq!(ambiguous.encode(), Err(PolicyError::AllowWithoutList));
    let mut bytes = IpPolicy { allow_mode: AllowMode::List, ..ambiguous }.encode().unwrap();
    bytes[0] = 0;
    assert_eq!(PolicyView::validate(&bytes).unwrap_err(), PolicyError::AllowWithoutList);
}

#[test]
fn other_bytes_are_refused() {
    let good = policy(AllowMode::List, Order::DenyFirst, &["1.0.0.0/8", "2.0.0.0/8"], &["::/64"]).encode().unwrap();
    assert!(PolicyView::validate(&good).is_ok());
    for length in 0..good.len() {
        assert_eq!(PolicyView::validate(&good[..length]).unwrap_err(), PolicyError::Length);
        assert_eq!(PolicyView::new_unchecked_len(&good[..length]).decide(Some(Ip::V4(1 << 24))), IpVerdict::Denied);
    }
    assert_eq!(PolicyView::validate(&[&good[..], &[0]].concat()).unwrap_err(), PolicyError::Length);
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        PolicyView::validate(&bytes).map(|_| ()).unwrap_err()
    };
    assert_eq!(with(0, 7), PolicyError::Flags);
    assert_eq!(with(1, 1), PolicyError::Flags);
    assert_eq!(with(10, 1), PolicyError::Entries, "host bits");
    assert_eq!(with(13, 3), PolicyError::Entries, "unsorted");
    assert_eq!(with(13, 2), PolicyError::Entries, "repeated");
    assert_eq!(with(18, 0), PolicyError::Entries, "host bits of a shorter prefix");
    assert_eq!(with(18, 33), PolicyError::Entries, "prefix out of range");
    let inside = [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 8];
    assert_eq!(PolicyView::validate(&inside).unwrap_err(), PolicyError::Entries, "one inside the other");
    let mut mapped = vec![0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1, 0xff, 0xff, 0, 0, 128];
    assert_eq!(PolicyView::validate(&mapped).unwrap_err(), PolicyError::Entries, "mapped IPv6 would never match");
    mapped[22] = 0xfe;
    assert!(PolicyView::validate(&mapped).is_ok());
}
