-- Sending in batches, to a service with scripted answers.

local outbox = require "watchbot.queue.outbox"
local scheduler = require "watchbot.scheduler"

local function task(body)
  return function() scheduler.run(body) end
end

-- Answers each entry by `answer(body, how_often_it_came)`: nil for success; or a whole call by
-- `fail`.
local function service(answer, fail)
  local seen, calls = {}, {}
  return function(entries)
    local bodies, answers = {}, {}
    for index, entry in ipairs(entries) do
      assert(entry.Id == tostring(index))
      bodies[index] = entry.body
      seen[entry.body] = (seen[entry.body] or 0) + 1
    end
    calls[#calls + 1] = bodies
    if fail then
      local code = fail(bodies, #calls)
      if code then return nil, "refused", code end
    end
    for index, body in ipairs(bodies) do
      answers[index] = answer and answer(body, seen[body]) or { MessageId = "id-" .. body }
    end
    return answers
  end, calls
end

local function send(messages, call, told)
  return outbox.send(messages, {
    largest = 1000, call = call,
    entry = function(body)
      if body == "" then return nil, "empty", "EmptyMessage" end
      return { body = body }, #body
    end,
  }, told)
end

local function numbered(count)
  local all = {}
  for index = 1, count do all[index] = "m" .. index end
  return all
end

local function codes_of(answers)
  local codes = {}
  for index, answer in ipairs(answers) do
    codes[index] = answer.id or (answer.unsent and "unsent " or "") .. answer.code
  end
  return codes
end

describe("an outbox", function()
  it("packs ten a call, and as many bytes as the service takes", task(function()
    local call, calls = service()
    assert.are.equal(23, #send(numbered(23), call))
    assert.are.same({ 10, 10, 3 }, { #calls[1], #calls[2], #calls[3] })
    call, calls = service()
    send({ ("a"):rep(600), ("b"):rep(400), ("c"):rep(1) }, call)
    assert.are.same({ 2, 1 }, { #calls[1], #calls[2] })
  end))

  it("sends again what the service has failed by its own fault, and nothing else", task(function()
    local call, calls = service(function(body, times)
      if body == "m2" and times < 3 then
        return { message = "busy", code = "InternalError", retry = true }
      end
      if body == "m3" then return { message = "bad", code = "InvalidMessageContents" } end
    end)
    local answers = send(numbered(4), call)
    assert.are.same({ "id-m1", "id-m2", "InvalidMessageContents", "id-m4" }, codes_of(answers))
    -- `send` named refused lines with "nil" for a reason.
    assert.are.equal("bad", answers[3].message)
    assert.are.same({ { "m1", "m2", "m3", "m4" }, { "m2" }, { "m2" } }, calls)
  end))

  -- Planted: what was sent again was first told as refused, and no spec saw it.
  it("tells each answer once", task(function()
    local call = service(function(body, times)
      if body == "m2" and times < 3 then
        return { message = "busy", code = "InternalError", retry = true }
      end
    end)
    local told = {}
    send(numbered(3), call, function(position, answer)
      told[#told + 1] = position .. " " .. (answer.id or answer.code)
    end)
    assert.are.same({ "1 id-m1", "3 id-m3", "2 id-m2" }, told)
  end))

  it("gives up on an entry that always fails, and sends the rest", task(function()
    local call, calls = service(function(body)
      if body == "m1" then return { message = "busy", code = "InternalError", retry = true } end
    end)
    local answers = codes_of(send(numbered(12), call))
    assert.are.same({ "InternalError", "id-m2", "id-m12" }, { answers[1], answers[2], answers[12] })
    assert.are.equal(6, #calls)
  end))

  -- The third of 25 letters had an attribute that AWS does not take: none was sent.
  it("tries each for itself where a call is refused for what is in it", task(function()
    local call = service(nil, function(bodies)
      for _, body in ipairs(bodies) do
        if body == "m3" then return "InvalidParameterValue" end
      end
    end)
    local answers = send(numbered(25), call)
    assert.are.equal("InvalidParameterValue", answers[3].code)
    for index = 1, 25 do assert.is_true(index == 3 or answers[index].id == "id-m" .. index) end
    assert.are.same({ "InvalidParameterValue" }, codes_of(send({ "m3" }, call)))
  end))

  it("stops where no other call would do better, and says what was not sent", task(function()
    local call, calls = service(nil, function(_, number)
      return number == 2 and "NotAllowed" or nil
    end)
    local answers = codes_of(send(numbered(25), call))
    assert.are.equal(2, #calls)
    assert.are.same({ "id-m10", "unsent NotAllowed", "unsent NotAllowed" },
      { answers[10], answers[11], answers[25] })
    call = service(nil, function() return "NotAllowed" end)
    assert.are.same({ nil, "refused", "NotAllowed" }, { send(numbered(3), call) })
  end))

  -- A sender that was killed had sent up to a thousand messages whose ids it had not printed.
  it("hears of each batch before the next one is sent", task(function()
    local told = 0
    local before = {}
    local call = service(nil, function(_, number)
      before[number] = told
      return nil
    end)
    local order = {}
    send({ "m1", "", "m3", table.unpack(numbered(20)) }, call, function(position, answer)
      told = told + 1
      order[#order + 1] = position
      assert.is_string(answer.id or answer.code)
    end)
    assert.are.same({ 1, 11, 21 }, before, "the refused one is answered at once")
    assert.are.equal(23, #order)
  end))
end)

describe("the answers of a batch", function()
  it("are in the order of the entries; a missing one, or a fault of the service, is tried again",
    function()
    local answers = outbox.answers("SendMessageBatch", {
      Successful = { { Id = "3", MessageId = "three" } },
      Failed = { { Id = "1", Code = "InternalError", Message = "busy", SenderFault = false },
        { Id = "2", Code = "InvalidMessageContents", SenderFault = true } },
    }, 4)
    assert.are.same({ "three", "InternalError", "InvalidMessageContents", "NoAnswer" },
      { answers[3].MessageId, answers[1].code, answers[2].code, answers[4].code })
    assert.are.same({ true, false, true }, { answers[1].retry, answers[2].retry, answers[4].retry })
    assert.are.equal("NoAnswer",
      outbox.answers("PublishBatch", { Successful = "", Failed = "" }, 1)[1].code)
  end)

  -- One entry that made no sense raised, and the nine other deletes counted as failed: their
  -- messages ran again.
  it("are read one by one, whatever stands among them", function()
    local answers = outbox.answers("DeleteMessageBatch", {
      Successful = { 7, "text", {}, { Id = {} }, { Id = "2" }, { Id = 1.5 }, { Id = "1.0" },
        { Id = -1 }, { Id = "99" }, { Id = 3 } },
      Failed = { true, { Id = "4", Code = 5, Message = {} }, { Id = "5", Code = "", Message = "" },
        { Id = "6", Message = "no" } },
    }, 6)
    assert.are.same({ "NoAnswer", nil, nil, "Unknown", "Unknown", "Unknown" },
      { answers[1].code, answers[2].code, answers[3].code, answers[4].code, answers[5].code,
        answers[6].code })
    assert.are.equal("DeleteMessageBatch: refused without a reason", answers[4].message)
    assert.are.equal("DeleteMessageBatch: no", answers[6].message)
  end)

  -- A message whose id the answer lacked was neither sent nor refused: `send` printed nothing.
  it("have an id of each message that was sent", function()
    local calls = 0
    local answers = outbox.send({ "a", "b", "c" }, {
      largest = 1000, entry = function(message) return { MessageBody = message }, 1 end,
      call = function()
        calls = calls + 1
        return outbox.answers("SendMessageBatch", { Successful = {
          { Id = "1" }, { Id = "2", MessageId = 5 }, { Id = "3", MessageId = "three" },
        } }, 3)
      end,
    })
    assert.are.same({ "BadAnswer", "BadAnswer", "three", 1 },
      { answers[1].code, answers[2].code, answers[3].id, calls })
  end)
end)
