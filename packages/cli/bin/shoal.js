#!/usr/bin/env node
// Plain JavaScript on purpose: it must be understood by whatever Node the system has. Shoal runs from TypeScript source, which
// needs Node 22.18 or later; when the system's is older, the one that npm installed beside Shoal (package `node`) takes over.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { constants, homedir } from 'node:os'
import { dirname, join } from 'node:path'

const MINIMUM = [22, 18]

if (isRecent(process.versions.node)) {
  // Types are stripped and code compiled once, not at each command: half of what a command takes. Where it cannot be written nothing is kept.
  nodeModule.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'shoal', 'compile'))
  const { run } = await import('../src/main.ts')
  await run()
} else {
  const node = findNode()
  if (node === undefined) {
    process.stderr.write(
      `error: Shoal needs Node ${MINIMUM.join('.')} or later; this is Node ${process.versions.node}.\n` +
        'hint: Run "npm ci" in the Shoal directory, which installs Node 24 beside it, or install Node 24.\n' +
        'code: SHOAL_CLI_NODE_VERSION\n',
    )
    process.exitCode = 2
  } else {
    handOver(node)
  }
}

function isRecent(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])
}

function findNode() {
  try {
    const manifest = nodeModule.createRequire(import.meta.url).resolve('node/package.json')
    // An older package would come back to this very place, for ever.
    if (!isRecent(JSON.parse(readFileSync(manifest, 'utf8')).version)) return undefined
    return join(dirname(manifest), 'bin', 'node')
  } catch {
    return undefined
  }
}

function handOver(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the child as well, and a second signal would cut its graceful stop short.
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    })
  }
  child.on('error', (error) => {
    process.stderr.write(`error: ${node} cannot be run: ${error.message}\nhint: Run "npm ci" in the Shoal directory.\n`)
    process.exit(2)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
