# Threads make strings, of which some are dropped in bulk and the others stay, mixed at random.
# Usage: ruby rbstress.rb THREADS DROPPED KEPT

threads, dropped, kept = ARGV.map { |argument| Integer(argument) }
bulk = 200_000 / threads
random = Random.new(1)

results = Array.new(threads) do
  Thread.new do
    to_drop = dropped / threads
    to_keep = kept / threads
    staying = []
    passing = []
    while to_drop.positive? || to_keep.positive?
      string = ' ' * (10 * random.rand(5))
      if to_keep.zero? || (to_drop.positive? && random.rand < 0.5)
        to_drop -= 1
        passing << string
        if passing.length >= bulk
          passing.clear
          passing << ' ' * 100_000
        end
      else
        to_keep -= 1
        staying << string
      end
    end
    staying
  end
end

staying = results.map(&:value)
puts "kept #{staying.sum(&:length)}"
# With one thread the random numbers do not depend on who runs when.
puts "of #{staying.first.sum(&:length)} characters" if threads == 1
