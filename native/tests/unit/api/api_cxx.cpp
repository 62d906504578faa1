// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
//
// The library from C++: with and without linking -lcr, with exceptions alive in other threads.
#include <libcr.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> before{0}, after{0};

static int callback(void *argument)
{
    auto *names = static_cast<std::vector<std::string> *>(argument);
    names->push_back("before");
    before++;
    int rc = cr_checkpoint(CR_CHECKPOINT_READY);
    names->push_back(rc > 0 ? "restarted" : "continued");
    after++;
    return 0;
}

struct Section {
    explicit Section(cr_client_id_t id) : id_(id)
    {
        if (cr_enter_cs(id_) != 0)
            throw std::runtime_error(cr_strerror(CR_ENOINIT));
    }
    ~Section()
    {
        cr_leave_cs(id_);
    }
    cr_client_id_t id_;
};

int main(int argc, char **argv)
{
    std::vector<std::string> names;
    cr_checkpoint_args_t args;
    cr_restart_args_t restart;
    cr_client_id_t id = cr_init();
    std::atomic<bool> stop{false};
    long caught = 0;

    if (argc < 2 || id < 0 || cr_initialize_checkpoint_args_t(&args) != 0 ||
        cr_initialize_restart_args_t(&restart) != 0)
        return 2;
    args.cr_scope = CR_SCOPE_PROC;
    if (cr_register_callback(callback, &names, CR_THREAD_CONTEXT) < 0)
        return 3;
    std::thread thrower([&] {
        cr_client_id_t own = cr_init();
        while (!stop) {
            try {
                Section section(own);
                throw std::runtime_error("in a section");
            } catch (const std::exception &) {
                caught++;
            }
        }
    });
    int rc = cr_checkpoint_self(argv[1]);
    stop = true;
    thrower.join();
    bool good = rc >= 0 && before == 1 && after == 1 && caught > 0 && names.size() == 2 &&
                names[1] == (rc == 1 ? "restarted" : "continued");
    std::printf("%sok 1 - from C++ (%s)\n1..1\n", good ? "" : "not ",
                rc == 1 ? "restarted" : "continued");
    return good ? 0 : 1;
}
