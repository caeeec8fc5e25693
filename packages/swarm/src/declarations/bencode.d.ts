/** The part of bencode 4 that Shoal uses. */
declare module 'bencode' {
  export type Bencodable = number | string | Uint8Array | Bencodable[] | { [key: string]: Bencodable }
  export function encode(value: Bencodable): Uint8Array
  export function decode(bytes: Uint8Array): unknown
  const bencode: { encode: typeof encode; decode: typeof decode }
  export default bencode
}
