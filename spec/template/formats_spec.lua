-- Forms that AWS asks of names.

local formats = require "watchbot.template.formats"

describe("the forms of names", function()
  for name, cases in pairs {
    tag = { { "v1", "1.2.3-rc_1", "_a" }, { "", "v 1", "a/b", ".a", ("a"):rep(129) } },
    family = { { "tiles", "a-b_c" }, { "", "a/b", "a.b", "a b" } },
    cluster = {
      { "main", "arn:aws:ecs:eu-west-1:123456789012:cluster/main" },
      { "", "a b", "arn:aws:ecs:cluster/main" },
    },
    log_group = { { "/a/b.c#d" }, { "", "a b", "a:b" } },
    namespace = { { "Watchbot", "Mapbox/ecs-watchbot", "a b" }, { "", ":a", "a\n" } },
    email = { { "me@example.com" }, { "", "me", "a b@c" } },
    topic = {
      { "arn:aws:sns:eu-west-1:123456789012:alarms" },
      { "", "alarms", "arn:aws:sqs:eu-west-1:123456789012:alarms" },
    },
    lambda = { { "arn:aws:lambda:eu-west-1:123456789012:function:a:live" }, { "", "a" } },
    boundary = {
      { "arn:aws:iam::aws:policy/A", "arn:aws:iam::123456789012:policy/a/b" }, { "", "A" },
    },
  } do
    it("know " .. name, function()
      for _, good in ipairs(cases[1]) do assert.is_true((formats[name].check(good)), good) end
      for _, bad in ipairs(cases[2]) do
        local ok, err = formats[name].check(bad)
        assert.is_false(ok, bad)
        assert.matches("^expected .* got .* %(https://docs%.aws%.amazon%.com/", err)
      end
      assert.is_false((formats[name].check {}))
    end)
  end
end)
