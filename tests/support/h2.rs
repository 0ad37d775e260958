//! HTTP/2 frames, right and wrong, as bytes (RFC 9113), with heads that are never compressed (RFC 7541).

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kind of a frame with a part of a body.
pub const DATA: u8 = 0;
/// The kind of a frame with a head, or its first part.
pub const HEADERS: u8 = 1;
/// The kind of a frame that ends a stream.
pub const RESET: u8 = 3;
/// The kind of a frame with settings.
pub const SETTINGS: u8 = 4;
/// The kind of a frame that asks for a sign of life.
pub const PING: u8 = 6;
/// The kind of a frame that ends a connection.
pub const GO_AWAY: u8 = 7;
/// The kind of a frame that lets the other side send more.
pub const WINDOW_UPDATE: u8 = 8;
/// The kind of a frame with another part of a head.
pub const CONTINUATION: u8 = 9;

/// The flag of a frame that is the last of its stream.
pub const END_STREAM: u8 = 1;
/// The flag of a frame that ends a head.
pub const END_HEADERS: u8 = 4;

/// One frame.
///
/// # Panics
///
/// If the payload has 4 GiB.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame's length");
    [&frame_head(length, kind, flags, stream), payload].concat()
}

/// The head of a frame, whatever follows it. Its length has 24 bits.
#[must_use]
pub fn frame_head(length: u32, kind: u8, flags: u8, stream: u32) -> Vec<u8> {
    let [_, length @ ..] = length.to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes()].concat()
}

/// The client's first bytes: the preface and settings that change nothing.
#[must_use]
pub fn hello() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// As [`hello`], by a client that takes no byte of any answer (RFC 9113, section 6.5.2).
#[must_use]
pub fn hello_without_a_window() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat()
}

/// As [`hello`], by a client that never has to make room for answers again.
#[must_use]
pub fn hello_with_an_endless_window() -> Vec<u8> {
    [hello(), frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0])].concat()
}

/// A whole head in one frame.
#[must_use]
pub fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, &block(fields))
}

/// A part of a body.
#[must_use]
pub fn data(stream: u32, flags: u8, body: &[u8]) -> Vec<u8> {
    frame(DATA, flags, stream, body)
}

/// Each field as a literal that is never indexed (RFC 7541, section 6.2.2).
#[must_use]
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// An integer in seven bits and as many more bytes as it takes (RFC 7541, section 5.1).
fn length(length: usize, to: &mut Vec<u8>) {
    let byte = |part: usize| u8::try_from(part).expect("seven bits and one");
    let Some(mut rest) = length.checked_sub(127) else {
        return to.push(byte(length));
    };
    to.push(127);
    while rest >= 128 {
        to.push(byte((rest % 128) | 128));
        rest /= 128;
    }
    to.push(byte(rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_as_the_specification_shows_it() {
        let written = |number| {
            let mut bytes = Vec::new();
            length(number, &mut bytes);
            bytes
        };
        assert_eq!(written(10), [10]);
        assert_eq!(written(127), [127, 0]);
        assert_eq!(written(1337), [127, 186, 9]);
    }
}
