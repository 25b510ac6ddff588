use super::*;

#[test]
fn values_survive() {
    let lengths = [0, 1, 2, 4, 8, 15, 16, 31, 32, 255, 256, 65_535, 65_536];
    let mut values = vec![
        Value::Nil,
        Value::Bool(true),
        Value::Bool(false),
        Value::Real(1.5),
        Value::Real(-0.0),
        Value::Real(f64::INFINITY),
        Value::map([("a", Value::List(vec![Value::Nil])), ("", Value::Bytes(vec![1]))]),
    ];
    for shift in 0..64 {
        values.push(Value::Uint(1 << shift));
        values.push(Value::Uint((1 << shift) - 1));
        values.push(Value::Int(i64::MIN >> shift));
        values.push(Value::Int((i64::MIN >> shift).saturating_sub(1)));
    }
    for length in lengths {
        values.push(Value::Text("x".repeat(length)));
        values.push(Value::Bytes(vec![7; length]));
        values.push(Value::List(vec![Value::Nil; length]));
        values.push(Value::Map((0..length).map(|n| (n.to_string(), Value::Nil)).collect()));
        values.push(Value::Extension(-1, vec![7; length]));
    }
    for value in values {
        assert_eq!(decode(&encode(&value)), Ok(value));
    }
}

#[test]
fn a_number_is_as_short_as_its_value_allows_whatever_its_type() {
    assert_eq!(encode(&Value::Int(127)), [0x7f]);
    assert_eq!(encode(&Value::Uint(127)), [0x7f]);
    assert_eq!(encode(&Value::Int(-32)), [0xe0]);
    assert_eq!(encode(&Value::Int(-33)), [0xd0, 0xdf]);
}

#[test]
fn longer_forms_than_needed_and_short_reals_are_read() {
    assert_eq!(decode(&[0xcf, 0, 0, 0, 0, 0, 0, 0, 5]), Ok(Value::Uint(5)));
    assert_eq!(decode(&[0xdd, 0, 0, 0, 1, 0xc0]), Ok(Value::List(vec![Value::Nil])));
    assert_eq!(decode(&[0xca, 0x3f, 0xc0, 0, 0]), Ok(Value::Real(1.5)));
}

#[test]
fn keys_that_are_no_text_are_left_out() {
    assert_eq!(decode(&[0x82, 0x01, 0x02, 0xa1, b'a', 0x03]), Ok(Value::map([("a", Value::Uint(3))])));
}

#[test]
fn what_is_no_msgpack_is_an_error() {
    assert_eq!(decode(&[]), Err(DecodeError::Truncated));
    assert_eq!(decode(&[0xc1]), Err(DecodeError::Marker(0xc1)));
    assert_eq!(decode(&[0xa2, b'a']), Err(DecodeError::Truncated));
    assert_eq!(decode(&[0xa1, 0xff]), Err(DecodeError::Text));
    assert_eq!(decode(&[0xc0, 0xc0]), Err(DecodeError::Trailing(1)));
    // Four thousand million elements are announced, and none is there.
    assert_eq!(decode(&[0xdd, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
    assert_eq!(decode(&[0xc6, 0xff, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
}

#[test]
fn depth_and_number_are_bounded() {
    assert_eq!(decode(&[0x91; 100_000]), Err(DecodeError::Limit));
    assert!(decode(&[vec![0x91; MAX_DEPTH], vec![0xc0]].concat()).is_ok());
    let many = [vec![0xdd, 0, 0x40, 0, 0], vec![0xc0; 0x40_0000]].concat();
    assert_eq!(decode(&many), Err(DecodeError::Limit));
}

#[test]
fn every_cut_and_every_changed_octet_is_an_error_or_a_value() {
    let value = Value::map([("a", Value::List(vec![(-5_i64).into(), 7.5.into()])), ("b", "text".into())]);
    let octets = encode(&value);
    for cut in 0..octets.len() {
        assert_eq!(decode(&octets[..cut]), Err(DecodeError::Truncated), "{cut}");
    }
    for at in 0..octets.len() {
        for octet in 0..=255 {
            let mut octets = octets.clone();
            octets[at] = octet;
            let _ = decode(&octets);
        }
    }
}
