import type { ServedProtocol } from '../served-protocol.ts'
import { ancestorsProtocol } from './ancestors.ts'
import { blocktxsProtocol } from './blocktxs.ts'
import { bodiesProtocol } from './bodies.ts'
import { headersProtocol } from './headers.ts'
import { historyProtocol } from './history.ts'
import { inclusionProtocol } from './inclusion.ts'
import { peersProtocol } from './peers.ts'
import { proofProtocol } from './proof.ts'
import { receiptsProtocol } from './receipts.ts'
import { statusProtocol } from './status.ts'
import { txsProtocol } from './txs.ts'

/** Every protocol that a node may answer. */
export const requestProtocols: readonly ServedProtocol[] = [
  statusProtocol,
  headersProtocol,
  bodiesProtocol,
  receiptsProtocol,
  txsProtocol,
  blocktxsProtocol,
  peersProtocol,
  proofProtocol,
  historyProtocol,
  ancestorsProtocol,
  inclusionProtocol,
]
