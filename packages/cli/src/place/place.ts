import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { describePlaces } from './describe-places.ts'
import { placeOptions, readPlaceRequest } from './place-options.ts'

export const place = defineCommand({
  usage: 'place',
  summary:
    'Say on which nodes VMs would start with the fewest bytes moved, evenly (exit 6 when some have no place); nothing is started or kept.',
  options: placeOptions,
  examples: [
    ['place --image debian-12=40 --image web=8', 'the best nodes for 48 VMs'],
    ['place --image web=100 --vms-per-node 4 --zone z1', 'at most four on a node of one zone'],
    ['place --image web=10 --node c1=2 --node c2=8 --json', 'on two nodes that can take so many, as JSON'],
  ],
  run: async (context, args) => {
    const { client, output, signal } = context
    const { request, names } = await readPlaceRequest(context, args)
    const answer = await client.placeVms({ body: request, signal })
    output.show(answer, () => describePlaces(answer, names))
    return answer.unplaced.length === 0 ? EXIT.ok : EXIT.incomplete
  },
})
