/** What the build makes of files that are no scripts: their address. */
declare module '*.svg' {
  const address: string
  export default address
}
declare module '*.css'
