import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'

/**
 * A router's UPnP Internet Gateway Device, version 2, as far as it takes to have a port forwarded: found by SSDP, asked by SOAP, and
 * what it grants it has the machine do. Arguments: its address inside, its address outside.
 */
const [inside, outside] = process.argv.slice(2) as [string, string]
const HTTP_PORT = 5000
const SSDP = { port: 1900, group: '239.255.255.250' }
const DEVICE = 'urn:schemas-upnp-org:device:InternetGatewayDevice:2'
const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:2'
const ID = 'uuid:1d0ba7a0-0000-4000-8000-000000000001'

const DESCRIPTION = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>
<device><deviceType>${DEVICE}</deviceType><friendlyName>gateway</friendlyName><UDN>${ID}</UDN>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:2</deviceType><UDN>${ID}</UDN>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:2</deviceType><UDN>${ID}</UDN>
<serviceList><service><serviceType>${SERVICE}</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
<SCPDURL>/service.xml</SCPDURL><controlURL>/control</controlURL><eventSubURL>/events</eventSubURL></service></serviceList>
</device></deviceList></device></deviceList></device></root>`

const answer = (action: string, inner: string) => `<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">
<s:Body><u:${action}Response xmlns:u="${SERVICE}">${inner}</u:${action}Response></s:Body></s:Envelope>`

function act(body: string): string {
  const action = /<u:(\w+)/.exec(body)?.[1] ?? ''
  const value = (name: string) => new RegExp(`<${name}>([^<]*)<`).exec(body)?.[1] ?? ''
  if (action === 'GetExternalIPAddress') {
    return answer(action, `<NewExternalIPAddress>${outside}</NewExternalIPAddress>`)
  }
  if (action !== 'AddAnyPortMapping') return answer(action, '')
  const [protocol, port] = [value('NewProtocol').toLowerCase(), Number(value('NewExternalPort'))]
  const target = `${value('NewInternalClient')}:${Number(value('NewInternalPort'))}`
  if (!/^(tcp|udp)$/.test(protocol) || !/^[\d.]+:\d+$/.test(target)) return answer(action, '')
  const rule = ['ip', 'daddr', outside, protocol, 'dport', `${port}`, 'dnat', 'to', target]
  execFileSync('nft', ['add', 'rule', 'ip', 'nat', 'in', ...rule])
  process.stdout.write(`forwards ${protocol} ${port} to ${target}\n`)
  return answer(action, `<NewReservedPort>${port}</NewReservedPort>`)
}

createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    response.setHeader('content-type', 'text/xml')
    response.end(request.url === '/control' ? act(body) : DESCRIPTION)
  })
}).listen(HTTP_PORT, inside)

const socket = createSocket({ type: 'udp4', reuseAddr: true })
socket.on('message', (message, { address, port }) => {
  const target = /^ST: *(.+?)\r?$/im.exec(message.toString())?.[1]
  if (!message.toString().startsWith('M-SEARCH') || (target !== DEVICE && target !== 'ssdp:all')) return
  const lines = [
    'HTTP/1.1 200 OK',
    'CACHE-CONTROL: max-age=1800',
    'EXT:',
    `LOCATION: http://${inside}:${HTTP_PORT}/description.xml`,
    'SERVER: gateway/1.0 UPnP/1.1 gateway/1.0',
    `ST: ${DEVICE}`,
    `USN: ${ID}::${DEVICE}`,
    '',
    '',
  ]
  socket.send(lines.join('\r\n'), port, address)
})
socket.bind(SSDP.port, () => socket.addMembership(SSDP.group, inside))
