//! A sound to be heard in the demonstration.

/// Samples a second.
const RATE: u32 = 8_000;

/// Half a second of a tone, as a WAV file: PCM, one channel of 16 bits.
pub(crate) fn tone(hertz: u32) -> Vec<u8> {
    let samples: Vec<u8> = (0..RATE / 2).flat_map(|at| sample(hertz, at).to_le_bytes()).collect();
    // So few samples fit.
    let size = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(44 + samples.len());
    file.extend(b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    file.extend([1_u16.to_le_bytes(), 1_u16.to_le_bytes()].concat());
    file.extend(RATE.to_le_bytes());
    // Bytes a second, bytes a sample, bits a sample.
    file.extend((2 * RATE).to_le_bytes());
    file.extend([2_u16.to_le_bytes(), 16_u16.to_le_bytes()].concat());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(samples);
    file
}

/// A wave of straight lines, at a quarter of the loudest.
fn sample(hertz: u32, at: u32) -> i16 {
    const LOUDNESS: i64 = 8_000;
    let rate = i64::from(RATE);
    // From 0 up to 4 quarters of a period.
    let phase = i64::from(at) * i64::from(hertz) % rate * 4 * LOUDNESS / rate;
    let height = if phase < 2 * LOUDNESS { phase - LOUDNESS } else { 3 * LOUDNESS - phase };
    i16::try_from(height).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_in_the_head_are_those_of_the_file_and_the_wave_is_in_its_bounds() {
        let file = tone(440);
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((number(4), number(40)), (file.len() - 8, file.len() - 44));
        let samples = (0..RATE).map(|at| sample(440, at));
        assert_eq!((samples.clone().min(), samples.max()), (Some(-8_000), Some(8_000)));
    }
}
