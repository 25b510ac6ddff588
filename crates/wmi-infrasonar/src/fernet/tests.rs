use super::*;

fn key() -> Key {
    Key::parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").expect("a key")
}

#[test]
fn tokens_are_read_again_whatever_their_length() {
    for length in 0..50 {
        let secret = vec![b'x'; length];
        let token = key().encrypt(&secret, core::time::Duration::from_secs(1), [9; 16]);
        assert_eq!(key().decrypt(&token).expect("the secret").expose(), &secret);
    }
}

#[test]
fn the_key_decides() {
    let token = key().encrypt(b"secret", core::time::Duration::ZERO, [0; 16]);
    let public = Key::parse(PUBLIC_KEY).expect("a key");
    assert_eq!(public.decrypt(&token).err(), Some(FernetError::Signature));
}

#[test]
fn damaged_tokens_are_errors() {
    let token = key().encrypt(b"secret", core::time::Duration::ZERO, [0; 16]);
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        // What the padding leaves over may differ.
        if let Ok(secret) = key().decrypt(&changed) {
            assert!(at + 3 >= token.len());
            assert_eq!(secret.expose(), b"secret");
        }
        // Padding may be missing.
        assert_eq!(key().decrypt(&token[..at]).is_ok(), at >= token.trim_end_matches('=').len());
    }
}

#[test]
fn a_key_is_32_octets_in_base64() {
    for text in ["", "x", "AAAA", "4DFfx9LZBPvwvCpwmsVGT_HzjgiGUHduP1kq_L2Fbjw4DFfx9LZ", "ä"] {
        assert_eq!(Key::parse(text).err(), Some(FernetError::Key), "{text}");
    }
    assert!(Key::parse(PUBLIC_KEY.trim_end_matches('=')).is_ok());
}

#[test]
fn a_key_is_read_as_python_reads_it() {
    let (start, end) = PUBLIC_KEY.split_at(20);
    let same = [
        PUBLIC_KEY.replace('_', "/").replace('-', "+"),
        format!("\"{PUBLIC_KEY}\""),
        format!("'{PUBLIC_KEY}'"),
        format!("{start} \n{end}"),
        format!("{start}={end}"),
        format!("={PUBLIC_KEY}"),
        format!("{PUBLIC_KEY}AAAA"),
        format!("ä{PUBLIC_KEY}"),
        PUBLIC_KEY.replace("w=", "x="),
    ];
    let token = Key::parse(PUBLIC_KEY).expect("a key").encrypt(b"x", core::time::Duration::ZERO, [0; 16]);
    for text in same {
        let key = Key::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(key.decrypt(&token).is_ok(), "{text}");
    }
    // The padding ends it.
    let (start, end) = PUBLIC_KEY.split_at(22);
    assert_eq!(Key::parse(&format!("{start}=={end}")).err(), Some(FernetError::Key));
}

#[test]
fn a_key_is_not_printed() {
    assert_eq!(format!("{:?}", key()), "Key(..)");
}
