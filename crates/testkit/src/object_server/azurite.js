// Asks azurite as an account of it: independent of the code under test. Called with account, key, address, what and arguments.
const crypto = require('crypto');
const [account, key, address, what, ...rest] = process.argv.slice(1);
const hmac = (text) => crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64');
const version = '2024-08-04';

function ask(method, target, headers, body) {
    const url = new URL(address + target);
    const all = { 'x-ms-version': version, 'x-ms-date': new Date().toUTCString() };
    for (const line of headers.split('\n').filter(Boolean)) {
        const [name, ...value] = line.split(':');
        all[name.trim().toLowerCase()] = value.join(':').trim();
    }
    const own = Object.keys(all).filter((name) => name.startsWith('x-ms-')).sort();
    const query = [...url.searchParams].map(([name, value]) => `\n${name.toLowerCase()}:${value}`).sort();
    const length = body.length ? String(Buffer.byteLength(body)) : '';
    const text = [method, '', '', length, '', all['content-type'] || '', '', '', '', '', '', '',
        ...own.map((name) => `${name}:${all[name]}`), `/${account}${url.pathname}${query.join('')}`].join('\n');
    all.authorization = `SharedKey ${account}:${hmac(text)}`;
    all['content-length'] = Buffer.byteLength(body);
    const client = require(url.protocol === 'https:' ? 'https' : 'http');
    const request = client.request(url, { method, headers: all, rejectUnauthorized: false }, (answer) => {
        const head = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\n`).join('');
        process.stdout.write(`${answer.statusCode}\n${head}\n`);
        answer.pipe(process.stdout);
    });
    request.on('error', (error) => { console.error(String(error)); process.exit(1); });
    request.end(body);
}

// A shared access signature of a container, good for so many seconds.
function sas(container, permissions, seconds) {
    const end = new Date(Date.now() + 1000 * seconds).toISOString().slice(0, 19) + 'Z';
    const place = `/blob/${account}/${container}`;
    const text = [permissions, '', end, place, '', '', '', version, 'c', '', '', '', '', '', '', ''].join('\n');
    const query = new URLSearchParams({ sv: version, sr: 'c', sp: permissions, se: end, sig: hmac(text) });
    process.stdout.write('?' + query.toString());
}

// A token as azurite takes it: it looks at the claims and at no signature.
function token(seconds) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { aud: 'https://storage.azure.com', iss: 'https://sts.windows.net/x/', iat: now - 60, nbf: now - 60, exp: now + Number(seconds) };
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    process.stdout.write(`${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.c2ln`);
}

({ ask: () => ask(rest[0], rest[1], rest[2] || '', rest[3] || ''), sas: () => sas(...rest), token: () => token(rest[0]) })[what]();
