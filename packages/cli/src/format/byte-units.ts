/** Units of bytes, largest first; of two that fit a number equally well the decimal one comes first. */
export const BYTE_UNITS = [
  ['TB', 1e12],
  ['TiB', 1024 ** 4],
  ['GB', 1e9],
  ['GiB', 1024 ** 3],
  ['MB', 1e6],
  ['MiB', 1024 ** 2],
  ['kB', 1e3],
  ['KiB', 1024],
  ['B', 1],
] as const
