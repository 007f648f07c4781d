import { execFileSync } from 'node:child_process'

/** Machines that there are not, with networks between them: Linux network namespaces. Nothing of them reaches the real one. */
export class Namespaces {
  readonly #prefix: string
  readonly #made: string[] = []

  /** @param prefix  of their names on this machine; at most 8 characters. */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** What is missing to have some; undefined: nothing. */
  static missing(): string | undefined {
    for (const tool of ['ip', 'nft', 'curl']) {
      try {
        execFileSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' })
      } catch {
        return `there is no ${tool}`
      }
    }
    try {
      execFileSync('ip', ['netns', 'add', 'idobata-probe'], { stdio: 'ignore' })
      execFileSync('ip', ['netns', 'del', 'idobata-probe'], { stdio: 'ignore' })
      return undefined
    } catch {
      return 'network namespaces are not permitted'
    }
  }

  /** A machine with nothing but itself. */
  add(name: string): void {
    execFileSync('ip', ['netns', 'add', this.#full(name)])
    this.#made.push(name)
    this.run(name, 'ip link set lo up')
  }

  /** A network that machines can be put on, as a machine of its own. */
  addSwitch(name: string): void {
    this.add(name)
    this.run(name, 'ip link add name switch type bridge && ip link set switch up')
  }

  /** @param address  with the length of its network's prefix. */
  connect(name: string, network: string, address: string): void {
    const port = `p${this.#made.indexOf(name)}`
    const link = `to-${network}`.slice(0, 15)
    const peer = ['peer', 'name', port, 'netns', this.#full(network)]
    execFileSync('ip', ['-n', this.#full(name), 'link', 'add', link, 'type', 'veth', ...peer])
    this.run(network, `ip link set ${port} master switch up`)
    this.run(name, `ip addr add ${address} dev ${link} && ip link set ${link} up`)
  }

  /** Has a machine on two networks translate addresses from one to the other, and let nothing in that was not asked for. */
  translate(name: string, outside: string): void {
    const link = `to-${outside}`.slice(0, 15)
    this.run(name, 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    this.run(
      name,
      `nft -f - <<'END'
table ip nat {
  chain in { type nat hook prerouting priority dstnat; }
  chain out { type nat hook postrouting priority srcnat; oifname "${link}" masquerade; }
}
table ip filter {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${link}" ct status dnat accept
    iifname "${link}" ct state new drop
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "${link}" ct state new drop
  }
}
END`,
    )
  }

  /** Whether a translating machine forwards anything. */
  forwards(name: string): boolean {
    return this.run(name, 'nft list chain ip nat in').includes('dnat to')
  }

  /** Ends what a translating machine forwards. */
  forwardNothing(name: string): void {
    this.run(name, 'nft flush chain ip nat in')
  }

  /** Runs a shell command on a machine. @returns what it prints. */
  run(name: string, command: string): string {
    return execFileSync('ip', [...this.within(name).slice(1), 'sh', '-c', command], { encoding: 'utf8' })
  }

  /** What runs a command on a machine, and its arguments. */
  within(name: string): string[] {
    return ['ip', 'netns', 'exec', this.#full(name)]
  }

  remove(): void {
    for (const name of this.#made.splice(0)) execFileSync('ip', ['netns', 'del', this.#full(name)])
  }

  #full(name: string): string {
    return `${this.#prefix}-${name}`
  }
}
