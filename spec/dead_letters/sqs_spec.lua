local cjson = require "cjson"
local cloud = require "support.cloud"
local dead_letters = require "watchbot.dead_letters"
local scheduler = require "watchbot.scheduler"
local contract = require "dead_letters.contract"
local sqs = require "watchbot.queue.sqs"

local account
local variables = {}
local getenv = os.getenv

-- Clients of the letters' own find the account in the environment.
local function pretend()
  os.getenv = function(name) -- luacheck: ignore 122
    local value = variables[name]
    if value == false then return nil end
    return value or getenv(name)
  end
end

local function fixture(options)
  options = options or {}
  local url, dead_url = account:queue { max_receives = 1, fifo = options.fifo }
  local queue = assert(sqs.open(url, { client = account:client "sqs" }))
  local dead = assert(sqs.open(dead_url, { client = account:client "sqs" }))
  local place = { queue = queue, dead = dead, url = url, dead_url = dead_url, warned = {} }
  function place.open(more)
    local all = { queue = url, warn = function(message) table.insert(place.warned, message) end }
    for name, value in pairs(more or {}) do all[name] = value or nil end
    return dead_letters.open(all)
  end
  -- By hand: what SQS does itself, `again` does.
  function place.bury(messages)
    for first = 1, #messages, 10 do
      assert(dead:send(table.move(messages, first, math.min(first + 9, #messages), 1, {})))
    end
  end
  function place.again()
    repeat local received = assert(queue:receive(10, 0, 0)) until #received == 0
  end
  return setmetatable(place, { __close = function() end })
end

local function task(body, options)
  return function()
    scheduler.run(function() body(fixture(options)) end)
  end
end

describe("of an SQS queue", function()
  setup(function()
    scheduler.run(function()
      account = cloud.start()
      account:open()
      variables = account:environment()
      pretend()
    end)
  end)

  teardown(function()
    os.getenv = getenv -- luacheck: ignore 122
    scheduler.run(function() account:close() end)
  end)

  contract.contract(function() return fixture() end)

  it("are found by the URL of the queue, or by that of the dead-letter queue", task(function(place)
    place.bury { { body = "one" } }
    for _, options in ipairs {
      { queue = place.url }, { queue = place.dead_url },
      { queue = false, dead_letter_queue = place.dead_url },
      { queue = place.url, dead_letter_queue = place.dead_url },
    } do
      local letters <close> = assert(place.open(options))
      assert.are.equal(place.dead_url, letters.name)
      assert.are.equal(place.url, letters.main.name)
      assert.are.same({ "one" }, contract.bodies_of(letters:page()))
    end
  end))

  it("are told to be nowhere where a queue has none", task(function()
    local alone = account:queue()
    local _, err, code = dead_letters.open { queue = alone }
    assert.matches("has no dead%-letter queue %(no RedrivePolicy%), and it is that of no other "
      .. "queue", err)
    assert.are.equal("NoDeadLetters", code)
    _, err, code = dead_letters.open { queue = alone .. "-missing" }
    assert.matches("does not exist", err)
    assert.is_string(code)
  end))

  it("warn where reading them has consequences", task(function(place)
    local second = account:queue()
    assert(account.sqs:SetQueueAttributes { QueueUrl = place.dead_url,
      Attributes = { RedrivePolicy = cjson.encode {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:" .. second:match "[^/]+$",
      maxReceiveCount = 7,
    } } })
    local letters <close> = assert(place.open { dead_letter_queue = place.dead_url })
    assert.matches("a message received 7 times moves on", letters.warnings[1])
    assert.is_nil(letters.warnings[2])
    place.bury { { body = "one" } }
    assert.are.equal(1, #letters:page())
    local others <close> = assert(place.open { dead_letter_queue = place.dead_url })
    assert.matches("about 1 more dead letters are hidden: another program", others.warnings[2])
  end))

  it("are hidden while they are read, for as long as it takes, and visible when they are closed",
    task(function(place)
    place.bury { { body = "one" } }
    local letters = assert(place.open())
    assert.are.equal(1, #letters:page())
    letters.held.visibility = 2
    for _, letter in pairs(letters.held.letters) do letter.until_time = scheduler.now() + 0.5 end
    letters.held:beat()
    assert.are.same({}, assert(place.dead:receive(1, 0, 0)))
    letters:close()
    assert.are.equal(1, #assert(place.dead:receive(1, 2, 0)))
  end))

  it("go back to the queue that each came from, where one holds those of several",
    task(function(place)
    local other = account:queue()
    assert(account.sqs:SetQueueAttributes { QueueUrl = other,
      Attributes = { RedrivePolicy = cjson.encode {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:123456789012:" .. place.dead_url:match "[^/]+$",
      maxReceiveCount = 1,
    } } })
    place.bury { { body = "told" }, { body = "untold" } }
    local letters <close> = assert(place.open { queue = place.dead_url })
    assert.is_nil(letters.main)
    local all = contract.read_all(letters)
    for _, letter in ipairs(all) do -- moto does not tell a letter's source
      letter.source = letter.body == "told"
        and "arn:aws:sqs:eu-west-1:123456789012:" .. other:match "[^/]+$" or nil
    end
    local count, failures = letters:replay(all)
    assert.are.equal(1, count)
    assert.are.equal("untold", failures[1].letter.body)
    assert.matches("its source queue is not known", failures[1].message)
    assert.are.equal(1, account:count(other))
  end))

  it("get a fresh deduplication id, and go on in the order of their group", task(function(place)
    local sent = {}
    for index = 1, 4 do
      sent[index] = { body = "m" .. index, group = "g", deduplication = "d" .. index }
    end
    sent[5] = { body = "other", group = "h", deduplication = "d5" }
    -- The queue has seen these ids within five minutes. (moto forgets them with their messages, so
    -- these stay.)
    assert(place.queue:send(sent))
    place.bury(sent)
    local letters = assert(place.open())
    assert.are.equal("Unsupported", select(3, letters:replay_all {}))
    local page = letters:page()
    assert.are.equal(5, #page)
    assert.are.equal(5, (letters:replay(page)))
    letters:close()
    local messages = assert(account.sqs:ReceiveMessage {
      QueueUrl = place.url, MaxNumberOfMessages = 10, MessageAttributeNames = { "All" },
      AttributeNames = { "All" },
    }).Messages
    local order = {}
    for _, message in ipairs(messages) do
      if message.Attributes.MessageGroupId == "g" and message.MessageAttributes then
        order[#order + 1] = message.Body
          .. message.MessageAttributes.watchbot_deduplication_id.StringValue
      end
    end
    assert.are.same({ "m1d1", "m2d2", "m3d3", "m4d4" }, order)
    assert.are.equal(10, #messages)
    assert.are.equal(0, account:count(place.dead_url))
  end, { fifo = true }))

  it("of a FIFO group are read ten at a time, and it is told how many are behind them",
    task(function(place)
    local sent = {}
    for index = 1, 12 do sent[index] = { body = ("m%02d"):format(index), group = "g" } end
    place.bury(sent)
    local letters <close> = assert(place.open())
    local all = contract.read_all(letters)
    assert.are.equal(10, #all)
    assert.are.equal("m01", all[1].body)
    assert.are.equal(2, letters:unreachable())
    assert.are.equal(10, (letters:replay(all)))
    assert.are.equal(2, #contract.read_all(letters))
  end, { fifo = true }))

  it("are not sent on behind one of their group that could not be sent", task(function(place)
    place.bury {
      { body = "m1", group = "g" }, { body = "m2", group = "g" }, { body = "n1", group = "h" },
    }
    local letters <close> = assert(place.open())
    local page = letters:page()
    for _, letter in ipairs(page) do
      if letter.body == "m1" then letter.body = "not text \1" end
    end
    local count, failures = letters:replay(page)
    assert.are.equal(1, count)
    assert.are.equal(2, #failures)
    assert.are.equal("InvalidMessageContents", failures[1].code)
    assert.matches("one before it in its group failed", failures[2].message)
    assert.are.same({ "n1" }, contract.bodies_of(contract.messages_in(place.queue)))
  end, { fifo = true }))

  -- A replay that deletes first, or what was not sent, loses the message.
  it("are deleted only once SQS has confirmed their send", task(function(place)
    place.bury { { body = "one" }, { body = "two" } }
    local letters <close> = assert(place.open())
    local page = {}
    while #page < 2 do table.move(assert(letters:page()), 1, 10, #page + 1, page) end
    local send, deleted = letters.main.send, {}
    local delete = letters.dead.delete
    function letters.dead:delete(receipt)
      deleted[#deleted + 1] = receipt
      return delete(self, receipt)
    end
    local refused = true
    function letters.main:send(messages)
      assert.are.same({}, deleted, "nothing is deleted before the send")
      if refused == "all" then return nil, "told to fail", "Told" end
      local answers = assert(send(self, messages))
      for index, message in ipairs(messages) do
        if message.body == "one" then answers[index] = { message = "refused", code = "Told" } end
      end
      return answers
    end
    local count, failures = letters:replay(page)
    assert.are.same({ 1, "one" }, { count, failures[1].letter.body })
    assert.are.equal(1, #deleted)
    refused, deleted = "all", {}
    count, failures = letters:replay { failures[1].letter }
    assert.are.same({ 0, "Told" }, { count, failures[1].code })
    assert.are.same({}, deleted)
    assert.are.equal(1, account:count(place.dead_url))
  end))

  it("that were sent but could not be deleted are told, and deleted when they come back",
    task(function(place)
    place.bury { { body = "one" } }
    local letters <close> = assert(place.open())
    local page = letters:page()
    local delete = place.dead.delete
    letters.dead.delete = function() return nil, "told to fail", "Told" end
    local count, failures = letters:replay(page)
    assert.are.equal(0, count)
    assert.are.equal("it was sent, but is still in the dead-letter queue: told to fail",
      failures[1].message)
    letters.dead.delete = delete
    assert(letters.held.queue:delay(letters.held.letters[page[1].id].receipt, 0))
    assert.are.same({}, contract.read_all(letters))
    assert.are.equal(0, account:count(place.dead_url))
    assert.are.equal(1, account:count(place.url))
  end))

  it("that SQS will not move by itself are told so", task(function(place)
    local letters <close> = assert(place.open())
    -- Of a queue that is no dead-letter queue, SQS moves nothing.
    assert(account.sqs:SetQueueAttributes {
      QueueUrl = place.url, Attributes = { RedrivePolicy = "" },
    })
    local count, err, code = letters:replay_all {}
    assert.is_nil(count)
    assert.is_string(err)
    assert.are.equal("Unsupported", code)
  end))
end)
