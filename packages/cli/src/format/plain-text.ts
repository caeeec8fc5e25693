// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/**
 * Text that came from elsewhere, fit for a terminal: an image's name must not move the cursor, change colours or turn the line
 * around. Line breaks and tabs become spaces, other control characters are shown as `?`.
 */
export function plainText(text: string): string {
  return text.replace(CONTROL, (character) => (/\s/.test(character) ? ' ' : '?'))
}
