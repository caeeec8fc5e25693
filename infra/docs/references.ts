import { apiErrors, operations } from '@shoal/api'
import { cacheErrors } from '@shoal/cache'
import { cliErrors } from '@shoal/cli'
import { coreErrors, type ErrorTable } from '@shoal/core'
import { storeErrors } from '@shoal/layer-store'
import { libraryErrors } from '@shoal/library'
import { nbdErrors } from '@shoal/nbd'
import { openstackErrors } from '@shoal/openstack'
import { peerConfigDefaults, peerConfigSchema, peerErrors } from '@shoal/peer'
import { bootProfileErrors, qcow2Errors } from '@shoal/qcow2'
import { imageErrors } from '@shoal/qcow2/inspect'
import { seedConfigDefaults, seedConfigSchema, seedErrors } from '@shoal/seed'
import { configReference, serviceErrors } from '@shoal/service'
import { stateErrors } from '@shoal/state'
import { swarmErrors } from '@shoal/swarm'
import { trustErrors } from '@shoal/trust'

const GENERATED = 'Generated from the code by `npm run docs`; a test keeps it so.'

const errorTables: Record<string, ErrorTable> = {
  core: coreErrors,
  state: stateErrors,
  openstack: openstackErrors,
  qcow2: { ...qcow2Errors, ...imageErrors, ...bootProfileErrors },
  nbd: nbdErrors,
  service: serviceErrors,
  trust: trustErrors,
  'layer-store': storeErrors,
  swarm: swarmErrors,
  cache: cacheErrors,
  library: libraryErrors,
  api: apiErrors,
  seed: seedErrors,
  peer: peerErrors,
  cli: cliErrors,
}

/** The generated reference pages: path below `docs/` and content. */
export function references(): Record<string, string> {
  return { 'errors.md': errorReference(), 'configuration.md': configurationReference(), 'api.md': apiReference() }
}

function errorReference(): string {
  const sections = Object.entries(errorTables).map(([name, table]) => {
    const rows = Object.entries(table).map(
      ([code, { message, hint }]) => `| \`${code}\` | ${cell(message)} | ${cell(hint)} |`,
    )
    return `## ${name}\n\n| code | message | what to do |\n| --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return `# Errors\n\n${GENERATED} A code is API and does not change its meaning; the message is for people.\n\n${sections.join('\n')}`
}

function configurationReference(): string {
  return `# Configuration

${GENERATED} Flag over environment over file over default. A key that is not listed stops the start. \`--print-config\` of
\`shoal seed serve\` and \`shoal peer serve\` shows the result with secrets hidden.

## Seed (\`shoal seed serve\`)

${configReference(seedConfigSchema, seedConfigDefaults, { envPrefix: 'SHOAL_SEED' })}
## Peer (\`shoal peer serve\`)

${configReference(peerConfigSchema, peerConfigDefaults, { envPrefix: 'SHOAL_PEER' })}`
}

function apiReference(): string {
  const rows = Object.values(operations).map(
    ({ id, method, path, role, summary }) => `| \`${method} ${path}\` | ${role} | ${cell(summary)} | \`${id}\` |`,
  )
  return `# HTTP API, version 1

${GENERATED} The schemas are in the OpenAPI 3.1 document each service serves at \`/openapi.json\`, readable at \`/docs\`. Each of the
roles admin, operator and reader may do what the next may; \`node\` is for peer daemons, admins and operators. Beside these: \`/healthz\` and \`/readyz\` (public),
\`/metrics\` (as \`node\`).

| operation | role | what it does | method of the client |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
