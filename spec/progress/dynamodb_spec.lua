-- Progress in a DynamoDB table, moto's: the contract, and what is its own: lost answers, processes that died between two
-- calls, the items of watchbot-progress.

local cloud = require "support.cloud"
local contract = require "progress.contract"
local fault_proxy = require "support.fault_proxy"
local progresses = require "watchbot.progress"
local scheduler = require "watchbot.scheduler"

local account, proxy

setup(function()
  account = cloud.start()
  proxy = fault_proxy.start(account.url)
  scheduler.run(account.open, account)
end)
teardown(function()
  proxy:close()
  account:close()
end)

-- Progress in a new table, through the proxy.
local function open()
  proxy:clear()
  return progresses.open(account:table(), { client = account:client("dynamodb", { endpoint = proxy.url }) })
end

contract(open)
