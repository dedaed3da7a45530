-- Any value for any option is either refused with a message or becomes a template that can be
-- written. A number that doubles until it is reached went round forever, a part that is an
-- intrinsic was called.

local cf = require "watchbot.template.cf"
local check = require "watchbot.template.check"
local options = require "watchbot.template.options"
local template = require "watchbot.template"
local to_json = require "watchbot.template.to_json"

local values = {
  ref = cf.ref "P", attribute = cf.getatt("Q", "Arn"), import = cf.import_value "x",
  choice = cf.if_("C", "a", cf.ref "AWS::NoValue"), nothing = cf.ref "AWS::NoValue",
  item = cf.select(0, cf.split(",", cf.ref "P")), join = cf.join("", { "a", cf.ref "P" }),
  dynamic = "{{resolve:ssm:/x}}", zones = cf.get_azs(), base64 = cf.base64 "x", empty = "",
  zero = 0, negative = -1, fraction = 1.5, nan = 0 / 0, infinite = math.huge,
  largest = math.maxinteger, text = "12", ["true"] = true, ["false"] = false, call = print,
  thread = coroutine.create(print), file = io.stdout, nul = "a\0b", bytes = "\xff\xfe",
  long = ("x"):rep(5000), quotes = "a'b\"c${X}$(y)\nz", none = {}, numbers = { 1 },
  words = { "a" }, refs = { cf.ref "P" }, named = { a = 1 }, named_refs = { a = cf.ref "P" },
  deep = { { { {} } } }, mixed = { 1, a = 2 }, hole = { 1, nil, 3 },
}

local function given(mode, more)
  local all = { mode = mode, cluster = "main", service = "tiles", serviceVersion = "v1",
    notificationEmail = "me@example.com", command = mode == "process" and "./t" or nil,
    webhook = true, reduce = true, dashboard = false }
  for name, value in pairs(more) do all[name] = value end
  return all
end

local function try(all)
  local complete, err = options.complete(all)
  if not complete then return assert(type(err) == "string" and err ~= "", "no message") end
  local made = template(all)
  check(made, #to_json(made))
end

local function members_of(kind)
  local members = kind.members
  for _, choice in ipairs(kind.choices or {}) do members = members or choice.members end
  return members or {}
end

describe("any value", function()
  for _, mode in ipairs { "task", "process" } do
    it("is refused or can be written, in mode " .. mode, function()
      for _, option in ipairs(options.declared) do
        for name, value in pairs(values) do
          local ok, err = pcall(try, given(mode, { [option.name] = value }))
          assert.is_true(ok, ("%s = %s: %s"):format(option.name, name, err))
          for member in pairs(members_of(option.kind)) do
            ok, err = pcall(try, given(mode, { [option.name] = { [member] = value } }))
            assert.is_true(ok, ("%s.%s = %s: %s"):format(option.name, member, name, err))
          end
        end
      end
    end)
  end

  it("that is missing, false or no number of AWS's is named", function()
    local _, err = options.complete(given("process", { cluster = false }))
    assert.matches("^missing option 'cluster'", err)
    _, err = options.complete(given("process", { maxScalingCapacity = math.maxinteger }))
    assert.matches("expected at most 2147483647, got 9223372036854775807", err)
    _, err = options.complete(given("process", { command = "\xff" }))
    assert.matches("option 'command': the text is not UTF%-8", err)
    local made = template(given("process", { maxScalingCapacity = 2 ^ 31 - 1 | 0 }))
    assert.are.equal(20, #made.Resources.WatchbotScaleUp.Properties.StepScalingPolicyConfiguration
      .StepAdjustments)
  end)
end)
