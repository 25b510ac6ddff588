use super::*;

fn frames() -> Vec<Frame> {
    vec![
        Frame { part: 0x0102_0304_0506_0708, id: 0x1122, kind: 0x00, body: vec![0xc0] },
        Frame { part: 0, id: 0, kind: 0xe0, body: Vec::new() },
        Frame::new(PacketType::Announce, 1, &Value::List(vec!["wmi".into(), "1".into()])),
    ]
}

#[test]
fn a_header_is_sixteen_octets_little_endian() {
    let octets = frames()[0].encode();
    let header = [8, 7, 6, 5, 4, 3, 2, 1, 1, 0, 0, 0, 0x22, 0x11, 0x00, 0xff];
    assert_eq!(octets, [header.as_slice(), &[0xc0]].concat());
}

#[test]
fn frames_come_whole_in_any_cut() {
    let octets: Vec<u8> = frames().iter().flat_map(Frame::encode).collect();
    for size in 1..=octets.len() {
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for chunk in octets.chunks(size) {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame().expect("frames") {
                found.push(frame);
            }
        }
        assert_eq!(found, frames(), "{size}");
    }
}

#[test]
fn a_bad_check_octet_is_an_error() {
    let mut octets = frames()[0].encode();
    octets[15] = 0x7f;
    let mut framer = Framer::default();
    framer.push(&octets);
    let error = framer.next_frame().expect_err("no frame");
    assert_eq!(error, FrameError::Check { kind: 0, check: 0x7f });
    assert_eq!(error.to_string(), "no frame: the check octet of type 0x00 is 0x7f and not 0xff");
}

#[test]
fn a_body_that_is_too_long_is_an_error_before_it_comes() {
    let mut octets = Frame { part: 0, id: 0, kind: 2, body: Vec::new() }.encode();
    octets[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut framer = Framer::default();
    framer.push(&octets);
    assert_eq!(framer.next_frame(), Err(FrameError::Length { kind: 2, length: u32::MAX }));
}
