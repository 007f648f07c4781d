import { createFullNode } from '../../src/node/full.ts'
import { silentLogger } from '../../src/node/logger.ts'
import { systemClock } from '../../src/node/system.ts'
import { chaosGenesis, senderAddress, TINY_STATE } from './network.ts'

/** The other process that is killed: a mining node with RPC and hardly any state in memory. Argument: data directory. */
const datadir = process.argv[2]!
const node = createFullNode(
  {
    datadir,
    genesis: chaosGenesis(),
    dev: false,
    stateKeeping: TINY_STATE,
    http: { host: '127.0.0.1', port: 0 },
    mining: { threads: 1, etherbase: senderAddress(0) },
  },
  { clock: systemClock, logger: silentLogger },
)
await node.start()
process.stdout.write(`rpc ${node.rpcUrl}\n`)
process.once('SIGTERM', async () => {
  await node.stop()
  process.exit(0)
})
void node.failed.then((error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
