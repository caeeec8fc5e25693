import { request } from 'node:http'

// A process of its own that holds streams open and throws away what comes: what reading costs is not the seed's.

const [url = '', token = '', count = '0'] = process.argv.slice(2)

for (let reader = 0; reader < Number(count); reader += 1) {
  request(`${url}/v1/dashboard/stream`, { headers: { authorization: `Bearer ${token}` } }, (answer) => {
    answer.resume()
    answer.once('end', () => process.exit(1))
  })
    .on('error', () => process.exit(1))
    .end()
}
