-- IAM says "Syntax errors in policy" and no more, when half of the stack has been made.

local statement = require "watchbot.template.statement"
local cf = require "watchbot.template.cf"

local GOOD = { Effect = "Allow", Action = { "s3:GetObject" }, Resource = "arn:aws:s3:::tiles/*" }

local function with(more)
  local made = {}
  for name, value in pairs(GOOD) do made[name] = value end
  for name, value in pairs(more) do made[name] = value or nil end
  return made
end

describe("a statement of IAM", function()
  for expected, given in pairs {
    ["'Effect': expected one of 'Allow', 'Deny', got 'allow'"] = with { Effect = "allow" },
    ["'Effect' is missing"] = with { Effect = false },
    ["'Resource' is missing"] = with { Resource = false },
    ["'Action' is missing"] = with { Action = false },
    ["'Action' and 'NotAction' exclude each other"] = with { NotAction = "s3:*" },
    ["has no 'Principal'"] = with { Principal = "*" },
    ["unknown member 'action'; did you mean 'Action'?"] = with { action = "s3:*" },
    ["'Sid': expected letters and digits"] = with { Sid = "my sid" },
    ["'Action': expected an action like 's3:GetObject', or a list, got 'getobject'"] = with {
      Action = "getobject" },
    ["'Action': expected an action"] = with { Action = {} },
    ["'Resource': expected an ARN or '*'"] = with { Resource = "bucket/x" },
    ["or a list, got 'arn:amazon:s3:::b'"] = with { Resource = "arn:amazon:s3:::b" },
    ["unknown operator 'StringEqual' of a condition; did you mean 'StringEquals'?"] = with {
      Condition = { StringEqual = { ["aws:x"] = "1" } } },
    ["unknown operator 'ForAnyValues:StringLike'"] = with {
      Condition = { ["ForAnyValues:StringLike"] = { ["aws:x"] = "1" } } },
    ["unknown operator 'NullIfExists'"] = with {
      Condition = { NullIfExists = { ["aws:x"] = "true" } } },
    ["'Condition': expected a table of operators, got 'aws:x'"] = with { Condition = "aws:x" },
    ["'Bool': expected a table of condition keys to values, got true"] = with {
      Condition = { Bool = true } },
    ["expected text, or a list of texts"] = with {
      Condition = { Bool = { ["aws:x"] = { a = 1 } } } },
  } do
    it("is refused: " .. expected, function()
      local ok, err = statement.check(given)
      assert.is_false(ok)
      assert.matches(expected, err, 1, true)
    end)
  end

  it("may have lists, conditions, 'Not', and intrinsics for each value", function()
    for _, more in ipairs {
      {}, { Action = "*", Resource = "*" }, { Resource = cf.getatt("Bucket", "Arn") },
      { Resource = { cf.sub "${Bucket.Arn}/*", "arn:aws-cn:s3:::b" }, Sid = "Read1" },
      { Action = false, NotAction = "iam:*" }, { Resource = false, NotResource = "*" },
      { Effect = cf.if_("Live", "Allow", "Deny"), Condition = { Bool = { ["a:b"] = "true" } } },
      { Action = { "s3:Get*", "execute-api:Invoke" } },
      { Condition = { ["ForAllValues:StringLikeIfExists"] = { ["aws:TagKeys"] = { "a", "b*" } },
        NumericLessThan = { ["aws:x"] = 5 }, stringequals = { ["aws:y"] = cf.ref "Y" } } },
      { Resource = "arn:aws:dynamodb:*:*:table/a" },
    } do
      assert.is_true((statement.check(with(more))))
    end
  end)
end)

describe("a list of statements", function()
  local function problem(list) return select(2, statement.list.check(list)) end

  it("has no Sid twice", function()
    assert.matches("two statements have the Sid 'A'", problem {
      with { Sid = "A" }, with { Sid = "B" }, with { Sid = "A" } }, 1, true)
    assert.is_true((statement.list.check { with { Sid = "A" }, with { Sid = "" }, with {},
      with { Sid = "" } }))
  end)

  -- 300 buckets by name: IAM refused the role after the rest of the stack had been made.
  it("is no longer than the policies within a role may be", function()
    local function listed(count)
      local names = {}
      for index = 1, count do names[index] = ("arn:aws:s3:::bucket-%04d/*"):format(index) end
      return { with { Resource = names } }
    end
    assert.is_true((statement.list.check(listed(350))))
    assert.matches("^the statements have 1%d%d%d%d characters or more, and the policies within a "
      .. "role at most 10240", problem(listed(400)))
    local refs = {}
    for index = 1, 400 do refs[index] = cf.sub("arn:aws:s3:::${Bucket}/" .. index) end
    assert.is_true((statement.list.check { with { Resource = refs } }))
  end)
end)
