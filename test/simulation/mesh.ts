import { GOSSIP_LIMITS } from '../../src/p2p/limits.ts'
import type { SimulatedRouter } from './router.ts'

/** Outbound slots of a full node that carry transactions and blocks. */
const OUTBOUND = 10

/** Connects nodes at random, as many of each as it dials with default settings, and picks a mesh among the connections. */
export function connect(routers: readonly SimulatedRouter[], topics: readonly string[], random: () => number): void {
  const peers = new Map(routers.map((router) => [router, new Set<SimulatedRouter>()]))
  for (const router of routers) {
    const others = shuffled(
      routers.filter((other) => other !== router),
      random,
    )
    for (const other of others.slice(0, OUTBOUND)) {
      peers.get(router)!.add(other)
      peers.get(other)!.add(router)
    }
  }
  for (const topic of topics) {
    const meshes = new Map(routers.map((router) => [router, new Set<SimulatedRouter>()]))
    for (const router of shuffled(routers, random)) {
      const mesh = meshes.get(router)!
      for (const peer of shuffled([...peers.get(router)!], random)) {
        if (mesh.size >= GOSSIP_LIMITS.D) break
        const theirs = meshes.get(peer)!
        if (theirs.size >= GOSSIP_LIMITS.Dhi) continue
        mesh.add(peer)
        theirs.add(router)
      }
    }
    for (const [router, mesh] of meshes) router.setMesh(topic, [...mesh])
  }
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const moved = result[i]!
    result[i] = result[j]!
    result[j] = moved
  }
  return result
}
