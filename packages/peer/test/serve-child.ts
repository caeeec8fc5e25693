import { servePeer } from '@shoal/peer'

// The daemon as a process of its own, for tests that kill it: the argument is the path of its configuration file.
await servePeer({ file: process.argv[2], env: {} })
