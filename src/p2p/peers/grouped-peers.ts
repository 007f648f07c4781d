/** Peers by a group they belong to, drawn so that all groups are alike: who fills one counts no more than who is alone. */
export class GroupedPeers<Group> {
  readonly #groups: Group[] = []
  readonly #members = new Map<Group, string[]>()

  add(peer: string, group: Group): void {
    const members = this.#members.get(group)
    if (members !== undefined) {
      members.push(peer)
    } else {
      this.#groups.push(group)
      this.#members.set(group, [peer])
    }
  }

  remove(peer: string, group: Group): void {
    const members = this.#members.get(group)
    if (members === undefined) return
    members.splice(members.indexOf(peer), 1)
    if (members.length > 0) return
    this.#members.delete(group)
    this.#groups.splice(this.#groups.indexOf(group), 1)
  }

  /** @param random  in [0, 1). @returns undefined if there are none. */
  draw(random: () => number): string | undefined {
    if (this.#groups.length === 0) return undefined
    const members = this.#members.get(this.#groups[Math.floor(random() * this.#groups.length)]!)!
    return members[Math.floor(random() * members.length)]
  }
}
