// Sends rows through the outbox of a queue file, as writer.py does:
// writer.js FILE GROUP FIRST LAST.
// npm's libsql, in the folder $SDK: the interface of better-sqlite3, and no compiler needed.
const fs = require('fs')
const Database = require(require('path').resolve(process.env.SDK, 'node_modules/libsql'))

const [path, group, first, last] = process.argv.slice(2)
const database = new Database(path, { timeout: 60000 })
const insert = database.prepare(
  'INSERT INTO outbox (body, fifo_group, deduplication_id) VALUES (?, ?, ?)')
for (let number = Number(first); number <= Number(last); number++) {
  insert.run(`${group} ${number}`, group, `${group}-${number}`)
  fs.writeSync(1, `${number}\n`)
}
