//! What an assertion of a kernel says when it does not hold.

use super::fault::Problem;
use super::warp::Machine;
use crate::ptx::Space;

/// Longer texts are cut.
const LONGEST: u64 = 500;

impl Machine<'_> {
    /// The message of `__assertfail`, whose parameters are in the lane's own memory.
    pub(super) fn assertion(&mut self, lane: u32, [text, file, line]: [u64; 3]) -> Box<Problem> {
        let text = self.parameter_text(text, lane);
        let file = self.parameter_text(file, lane);
        let line = self.word(Space::Local, line, 4, lane).unwrap_or(0);
        Problem::new(lane, format!("the assertion `{text}` does not hold ({file}:{line})"))
    }

    /// The text whose address is in the lane's own memory.
    fn parameter_text(&mut self, place: u64, lane: u32) -> String {
        let Some(start) = self.word(Space::Local, place, 8, lane) else { return "?".to_owned() };
        let bytes = (0..LONGEST).map_while(|offset| {
            let byte = self.word(Space::Generic, start.wrapping_add(offset), 1, lane)? as u8;
            (byte != 0).then_some(byte)
        });
        String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
    }

    fn word(&mut self, space: Space, address: u64, size: usize, lane: u32) -> Option<u64> {
        let host = self.locate(space, address, size, false, lane as usize).ok()?;
        // SAFETY: `locate` found that many bytes, so aligned.
        Some(unsafe { super::word::read_bits(host, size) })
    }
}
