# The C++ compiler, and the standard library's containers, threads and exceptions.

cat >containers.cpp <<'CPP'
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct alignas(128) Wide { unsigned char bytes[300]; };

struct Node {
    std::unique_ptr<Node> left, right;
    int value = 0;
};

static std::unique_ptr<Node> tree(int depth) {
    if (depth == 0) return nullptr;
    auto node = std::make_unique<Node>();
    node->left = tree(depth - 1);
    node->right = tree(depth - 1);
    node->value = 1 + (node->left ? node->left->value + node->right->value : 0);
    return node;
}

static size_t count_words(int seed) {
    std::unordered_map<std::string, std::vector<int>> words;
    for (int i = 0; i < 20000; i++) {
        std::ostringstream out;
        out << "a word that is too long for the small buffer " << (i * 31 + seed) % 1999;
        words[out.str()].push_back(i);
    }
    size_t sum = 0;
    for (auto &[word, places] : words) sum += word.size() * places.size();
    return sum;
}

int main() {
    std::map<int, std::string> map;
    for (int i = 0; i < 30000; i++) map[i * 7919 % 30011] = std::string(i % 100, 'x');
    size_t length = 0;
    for (auto &[key, text] : map) length += text.size();
    std::cout << map.size() << ' ' << length << '\n' << tree(14)->value << '\n';

    std::vector<size_t> results(4);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back([&results, i] { results[i] = count_words(i); });
    for (auto &thread : threads) thread.join();
    std::cout << std::accumulate(results.begin(), results.end(), size_t(0)) << '\n';

    std::vector<std::unique_ptr<Wide>> wide;
    for (int i = 0; i < 1000; i++) wide.push_back(std::make_unique<Wide>());
    std::cout << std::all_of(wide.begin(), wide.end(), [](auto &w) {
        return reinterpret_cast<std::uintptr_t>(w.get()) % 128 == 0;
    }) << '\n';
    std::pmr::monotonic_buffer_resource pool;
    std::pmr::vector<std::pmr::string> strings(&pool);
    for (int i = 0; i < 5000; i++) strings.emplace_back(60, 'p');
    std::cout << strings.size() << '\n';

    int caught = 0;
    for (int i = 0; i < 1000; i++) {
        try {
            std::string text(i, 'e');
            throw std::runtime_error(text);
        } catch (const std::exception &error) {
            caught += std::string(error.what()).size() == size_t(i);
        }
    }
    std::cout << caught << '\n';
    // Volatile, so that nothing is left away.
    volatile size_t huge = size_t(1) << 62;
    char *volatile out;
    try {
        out = new char[huge];
        std::cout << "impossible\n";
    } catch (const std::bad_alloc &) {
        std::cout << "bad_alloc\n";
    }
    out = new (std::nothrow) char[huge];
    std::cout << (out == nullptr) << '\n';
}
CPP
g++ -std=c++17 -O1 -Wall -Wextra -Wno-alloc-size-larger-than -pthread -o containers containers.cpp
./containers
